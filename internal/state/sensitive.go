package state

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// HashSensitive makes what is recorded of a sensitive value: "sha256:SALT:HASH", hex, with a new salt of 16 bytes and
// the SHA-256 over salt and value. It hides a value only as well as the value is hard to guess.
func HashSensitive(value string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return "sha256:" + hex.EncodeToString(salt) + ":" + hex.EncodeToString(saltedHash(salt, value))
}

// MatchesSensitive reports whether hash was made of value.
func MatchesSensitive(hash, value string) bool {
	kind, rest, _ := strings.Cut(hash, ":")
	saltText, sumText, _ := strings.Cut(rest, ":")
	salt, err1 := hex.DecodeString(saltText)
	sum, err2 := hex.DecodeString(sumText)
	return kind == "sha256" && err1 == nil && err2 == nil && subtle.ConstantTimeCompare(sum, saltedHash(salt, value)) == 1
}

func saltedHash(salt []byte, value string) []byte {
	h := sha256.New()
	_, _ = h.Write(salt)
	_, _ = h.Write([]byte(value))
	return h.Sum(nil)
}
