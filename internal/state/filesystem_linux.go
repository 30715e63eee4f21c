package state

import "golang.org/x/sys/unix"

// networkFileSystem names the network file system that a folder is on; "" if it is local, unknown, or FUSE, which may
// be either (a lock that does not hold is found out when the run lock is taken).
func networkFileSystem(folder string) string {
	var st unix.Statfs_t
	if unix.Statfs(folder, &st) != nil {
		return ""
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return "SMB (CIFS)"
	case unix.V9FS_MAGIC:
		return "9P"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	}
	return ""
}
