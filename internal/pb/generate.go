// Package pb keeps the protocol definitions that vitess.io/vitess no longer ships; the generated code lies below it.
// Everything else comes from there: a message that is registered twice ends the program when it starts.
package pb

//go:generate ./generate.sh
