//go:build !unix

package config

import "os"

const nonBlocking = 0

func readable(*os.File) bool { return false }
