# Shared by the scripts here: sourced, not run.
. fixtures/conformance/retry.sh

# The tools that download retry by themselves, too, and wait for a slow network.
export PIP_RETRIES=8 PIP_TIMEOUT=60
export npm_config_fetch_retries=5 npm_config_fetch_timeout=120000
export MAVEN_OPTS="${MAVEN_OPTS:-} -Dmaven.wagon.http.retryHandler.count=5 -Daether.connector.http.retryHandler.count=5"

# Temporary files of scripts are in $work, which is removed with them; what they
# install for themselves is in $cache, and is used again the next time.
work=$(mktemp -d)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wxctl-ci
export PATH="$cache/bin:$PATH"
named=() background=''
trap 'finish $?' EXIT
finish() {
  local status=$1 name
  [ -z "$background" ] || kill "$background" 2>/dev/null || true
  for name in "${named[@]}"; do
    [ "$status" = 0 ] || break
    grep -qx "$name" "$WXCTL_TIERS_ASKED" || { echo "tier $name: no test asked for it"; status=1; }
  done
  rm -rf "$work"
  exit "$status"
}

# need_apt PACKAGE...: install Debian packages that are missing.
need_apt() {
  local missing=()
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
  [ -n "${APT_UPDATED:-}" ] || { retry "${apt[@]}" update && export APT_UPDATED=1; }
  retry "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# need_pip FOLDER ARGUMENT...: FOLDER is a Python environment with what pip
# installs for these arguments.
need_pip() {
  python3 -c 'import venv, ensurepip' 2>/dev/null || need_apt python3 python3-venv
  [ -x "$1/bin/python" ] || python3 -m venv "$1"
  retry "$1/bin/pip" install -q --disable-pip-version-check "${@:2}"
}

# need_npm [FOLDER]: npm, and what the package-lock.json of FOLDER names.
need_npm() {
  command -v npm >/dev/null || need_apt nodejs npm
  [ $# = 0 ] || [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] || (cd "$1" && retry npm ci --silent --no-audit --no-fund)
}

# need_go PACKAGE@VERSION...: Go programs, in $cache/bin.
need_go() {
  for p in "$@"; do GOFLAGS=-trimpath GOBIN=$cache/bin retry go install "$p"; done
}

# installed: what a tier needs is installed. With "install" as its first argument
# a script ends here.
installed() { [ "$form" != install ] || exit 0; }
form=${1:-}

# tier NAME...: what these tiers need is installed, and their tests run from here
# on. A script fails if no test asked for one of them.
tier() {
  installed
  named+=("$@")
  export WXCTL_TIERS_ASKED=$work/asked WXCTL_TIERS
  touch "$WXCTL_TIERS_ASKED"
  WXCTL_TIERS=${WXCTL_TIERS:+$WXCTL_TIERS,}$(IFS=,; echo "$*")
}

step() { printf '\n== %s (at %d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

# The longest ones start first, so that the end does not wait for one of them.
tiers() {
  { printf '%s\n' release conformance-android verdicts lab conformance-ios agent; ls .ci/tiers | sed 's/\.sh$//'; } | awk '!seen[$0]++'
}

# run_tiers [full]: run all scripts in tiers/, then name those that failed. A
# tier's output is printed when it ends. The quick forms wait most of the time, so
# two run at once. The long ones also measure, and run alone.
run_tiers() {
  local jobs=2
  [ "${1:-}" != full ] || jobs=1
  export -f run_tier
  tiers | xargs -P "$jobs" -I{} bash -c "run_tier {} '$work' ${1:-}"
  [ ! -e "$work/failed" ] || { echo "tiers failed: $(xargs <"$work/failed")"; return 1; }
}

run_tier() {
  local name=$1 log=$2/$1.log failed=$2/failed start=$SECONDS status=passed
  bash ".ci/tiers/$name.sh" "${@:3}" >"$log" 2>&1 || status=FAILED
  # A -run that matches nothing is a failure.
  ! grep -q 'no tests to run' "$log" || status=FAILED
  {
    flock 9
    printf '\n== tier %s: %s in %d s\n' "$name" "$status" $((SECONDS - start))
    cat "$log"
    [ "$status" = passed ] || echo "$name" >>"$failed"
  } 9>"$2/lock"
}
