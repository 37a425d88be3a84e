#!/usr/bin/env node
// Runs the wxctl of this platform, which npm installed as an optional
// dependency. Exit code, signals and stdin are the program's.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { spawn } = require("node:child_process");

const name = `@wxctl/cli-${process.platform}-${process.arch}`;
const program = process.platform === "win32" ? "wxctl.exe" : "wxctl";

function locate() {
  try {
    return path.join(path.dirname(require.resolve(`${name}/package.json`)), "bin", program);
  } catch {
    process.stderr.write(`wxctl: the package ${name} is not installed\n`);
    process.stderr.write("hint: install again without --omit=optional; wxctl runs on Linux, macOS and Windows, x64 and arm64\n");
    process.exit(1);
  }
}

// A terminal sends Ctrl-C to every process in front, so to wxctl, too. If it is sent
// again, that means "end at once".
function hasTerminal() {
  if (process.platform === "win32") return true;
  try {
    fs.closeSync(fs.openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

const file = locate();
const args = process.argv.slice(2);

// Node 22.15 and later can become the program: nothing is left in between.
if (typeof process.execve === "function" && process.platform !== "win32") {
  process.execve(file, [file, ...args], process.env);
}

const child = spawn(file, args, { stdio: "inherit" });
child.on("error", (err) => {
  process.stderr.write(`wxctl: ${file} can't be run: ${err.message}\n`);
  process.exit(1);
});

const terminal = hasTerminal();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !terminal) child.kill(signal);
  });
}
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
