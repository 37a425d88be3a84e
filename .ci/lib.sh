# Shared by the scripts here: sourced, not run.

# need_apt PACKAGE...: install Debian packages that are missing.
need_apt() {
  local missing=()
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ -n "${APT_UPDATED:-}" ] || { apt-get update -qq && export APT_UPDATED=1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

step() { printf '\n== %s\n' "$*"; }

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
