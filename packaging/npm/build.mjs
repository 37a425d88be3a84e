// Makes the npm packages of a release from GoReleaser's dist folder:
//
//	node packaging/npm/build.mjs dist dist/npm
//
// One package a platform holds the program, and @wxctl/cli the launcher, which
// names them as optional dependencies: npm installs the one that fits. There
// is no install script, so that --ignore-scripts and a mirror are enough.
import fs from "node:fs";
import path from "node:path";

const [dist, out] = process.argv.slice(2);
if (!out) {
  console.error("usage: node packaging/npm/build.mjs DIST OUT");
  process.exit(2);
}
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const root = path.join(here, "..", "..");
const { version } = JSON.parse(fs.readFileSync(path.join(dist, "metadata.json"), "utf8"));
const binaries = JSON.parse(fs.readFileSync(path.join(dist, "artifacts.json"), "utf8")).filter((a) => a.type === "Binary");

// Node's names of platforms, by Go's.
const platforms = { linux: "linux", darwin: "darwin", windows: "win32" };
const processors = { amd64: "x64", arm64: "arm64" };
const common = {
  version,
  license: "MIT",
  homepage: "https://github.com/wxctl/wxctl#readme",
  repository: { type: "git", url: "git+https://github.com/wxctl/wxctl.git" },
};

function write(dir, manifest, files) {
  fs.rmSync(dir, { recursive: true, force: true });
  for (const [to, from, mode] of [["LICENSE", path.join(root, "LICENSE"), 0o644], ...files]) {
    fs.mkdirSync(path.dirname(path.join(dir, to)), { recursive: true });
    fs.copyFileSync(from, path.join(dir, to));
    fs.chmodSync(path.join(dir, to), mode);
  }
  fs.writeFileSync(path.join(dir, "package.json"), JSON.stringify({ ...manifest, ...common }, null, 2) + "\n");
}

const optionalDependencies = {};
for (const { goos, goarch, path: file } of binaries) {
  const [os, cpu] = [platforms[goos], processors[goarch]];
  const name = `@wxctl/cli-${os}-${cpu}`;
  const program = os === "win32" ? "wxctl.exe" : "wxctl";
  optionalDependencies[name] = version;
  write(path.join(out, `cli-${os}-${cpu}`),
    { name, description: `wxctl for ${os} on ${cpu}`, os: [os], cpu: [cpu], files: ["bin"], preferUnplugged: true },
    [[`bin/${program}`, path.join(root, file), 0o755]]);
}

const man = path.join(root, "build", "man");
const pages = fs.readdirSync(man).filter((page) => page.endsWith(".1"));
write(path.join(out, "cli"),
  {
    name: "@wxctl/cli",
    description: "Fire WeChat OpenSDK requests at real phones",
    keywords: ["wechat", "opensdk", "adb", "usbmux", "device-lab"],
    bin: { wxctl: "launcher.js" },
    man: pages.map((page) => `man/${page}`),
    files: ["launcher.js", "man"],
    engines: { node: ">=18" },
    optionalDependencies,
  },
  [["launcher.js", path.join(here, "launcher.js"), 0o755], ["README.md", path.join(here, "README.md"), 0o644],
    ...pages.map((page) => [`man/${page}`, path.join(man, page), 0o644])]);
