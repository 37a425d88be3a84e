# Shared by the scripts here: sourced, not run.
. fixtures/conformance/retry.sh

# What fetches asks again by itself, too, and waits for a slow network.
export PIP_RETRIES=8 PIP_TIMEOUT=60
export npm_config_fetch_retries=5 npm_config_fetch_timeout=120000
export MAVEN_OPTS="${MAVEN_OPTS:-} -Dmaven.wagon.http.retryHandler.count=5 -Daether.connector.http.retryHandler.count=5"

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

step() { printf '\n== %s (at %d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

# run_tiers MODE: every script in tiers/, in order; all run, then the failures are named.
run_tiers() {
  local failed=() name
  for script in .ci/tiers/*.sh; do
    [ -e "$script" ] || continue
    name=$(basename "$script" .sh)
    step "tier $name ($1)"
    local start=$SECONDS
    if [ "$1" = full ]; then bash "$script" full; else bash "$script"; fi || failed+=("$name")
    echo "tier $name: $((SECONDS - start)) s"
  done
  [ ${#failed[@]} -eq 0 ] || { echo "tiers failed: ${failed[*]}"; return 1; }
}
