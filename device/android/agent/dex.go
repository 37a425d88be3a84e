package agent

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strconv"
)

// Dex is the compiled agent. It must not be modified.
//
//go:generate ./build.sh agent.dex
//go:embed agent.dex
var Dex []byte

// Class is the agent's main class.
const Class = "wxctl.Agent"

// Dir is where the agent's files live on the phone; apps can't write there.
const Dir = "/data/local/tmp"

// Prefix starts the name of every file of the agent's in [Dir].
const Prefix = "wxctl-agent-"

// Mode is the file mode of the dex on the phone. From API 34 on, ART refuses
// to load a dex that its process may write, except as shell; 0444 serves all.
const Mode = 0o444

// MissingExit is the exit code of [Command] when there is no dex at the path:
// it must be pushed first.
const MissingExit = 44

// Hash returns the SHA-256 of the dex, in hex.
func Hash(dex []byte) string {
	sum := sha256.Sum256(dex)
	return hex.EncodeToString(sum[:])
}

// RemotePath returns the path of the dex on a phone. Its name holds the
// content's hash, so that another wxctl's agent is never taken for this one.
func RemotePath(dex []byte) string {
	return Dir + "/" + Prefix + Hash(dex)[:16] + ".dex"
}

// Command returns the shell command that runs the agent from path, or exits
// with [MissingExit] if there is no such file. The path needs no quoting: it is
// one of [RemotePath].
func Command(path string) string {
	return "[ -r " + path + " ] || exit " + strconv.Itoa(MissingExit) + "; CLASSPATH=" + path + " exec app_process / " + Class
}
