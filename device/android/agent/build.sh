#!/usr/bin/env bash
# build.sh OUT: compiles java/ to the dex OUT, byte for byte the same wherever
# and whenever it runs. Needs JDK 17, Maven and, the first time, a network.
# Pinned: the compiler R8 (its version is in the file) and what is compiled
# against, the framework of API 24, the oldest level that the agent runs on, and
# Java 17's own classes, which that jar lacks. R8 omits what nothing
# uses; names are kept, for a phone's log.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath "${1:?the file to write}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wxctl-build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $(javac -version 2>&1) in
"javac 17."*) ;;
*) echo "build.sh: needs javac 17, found $(javac -version 2>&1)" >&2; exit 1 ;;
esac

# fetch GROUP ARTIFACT VERSION SHA256: prints the path of the jar.
fetch() {
	local jar=$cache/$2-$3.jar
	if [ ! -f "$jar" ]; then
		mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
			-Dartifact="$1:$2:$3" -DoutputDirectory="$work/jars" >&2
		mkdir -p "$cache"
		mv "$work/jars/$2-$3.jar" "$jar"
	fi
	echo "$4  $jar" | sha256sum --check --quiet >&2 || { echo "build.sh: remove $jar and try again" >&2; return 1; }
	echo "$jar"
}
r8=$(fetch com.android.tools r8 9.5.28 38a9ffaaebbd17d1514e3ecbff5a85b989bb13c551b9e224c7409514eea84ff5)
framework=$(fetch org.robolectric android-all 7.0.0_r1-robolectric-r1 567bfa3cd3a8c9c5ca736bd86b3f90ff4d6a7ba333b9cfea6ff7d81924f90ce9)

mkdir "$work/classes"
javac --release 8 -Xlint:-options -encoding UTF-8 -g:none -cp "$framework" -d "$work/classes" java/wxctl/*.java
# What a method declares to throw, and its type arguments, would be annotations
# in the dex that nothing reads. Attributes of unknown names are left out.
LC_ALL=C sed -i 's/Exceptions/exceptions/; s/\x00\x09Signature/\x00\x09signature/' "$work"/classes/wxctl/*.class
jar cf "$work/agent.jar" -C "$work/classes" wxctl
# Constructors stay, since no JVM verifies an object that is made without its own.
printf '%s\n' '-keep class wxctl.Agent { public static void main(java.lang.String[]); }' \
	'-keepclassmembers class wxctl.* { <init>(...); }' -dontobfuscate >"$work/rules"
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
java -cp "$r8" com.android.tools.r8.R8 --release --min-api 24 --lib "$framework" --lib "$jdk" --pg-conf "$work/rules" \
	--output "$work" "$work/agent.jar"
mv "$work/classes.dex" "$out"
