#!/bin/sh
# Builds, runs and tests sealvk; installs what is missing.
#
#   ./build.sh                     build bin/sealvk
#   ./build.sh run ARGS...         build, then run bin/sealvk ARGS...
#   ./build.sh test [ARGS...]      all tests; ARGS go to go test
#   ./build.sh check               what CI checks besides tests: build, gofmt, go vet,
#                                  staticcheck, SPIR-V against its sources
#   ./build.sh go ARGS...          the go command that the above use
#
# Only what a command prints itself goes to stdout.
set -eu

root=$(cd "$(dirname "$0")" && pwd)
bin=$root/bin/sealvk
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/sealvk
want_go=$(sed -n 's/^go //p' "$root/go.mod")
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

say() { echo "build.sh: $*" >&2; }
die() { say "$*"; exit 1; }
exists() { for f in "$@"; do [ -e "$f" ] && return 0; done; return 1; }
has_apt() { command -v apt-get >/dev/null; }

# install PACKAGE...: with apt where that is allowed; else says what to type.
install() {
  if [ "$(id -u)" = 0 ]; then sudo=
  elif sudo -n true 2>/dev/null; then sudo="sudo -n"
  else die "missing packages; install them and try again: sudo apt-get install -y --no-install-recommends $*"
  fi
  say "installing $*"
  [ -n "${updated:-}" ] || $sudo apt-get -q update >&2 || say "apt-get update failed; going on with the package lists there are"
  updated=yes
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 </dev/null ||
    die "apt-get install $* failed"
}

# at_least HAVE WANT compares versions such as 1.26.8.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1)" = "$1" ]; }

# find_go sets go to a Go command that is new enough, and older_go to any other.
find_go() {
  go='' older_go=''
  for g in "$(command -v go || :)" /usr/local/go/bin/go /usr/lib/go/bin/go /usr/lib/go-*/bin/go \
    "$HOME"/sdk/go*/bin/go /opt/homebrew/bin/go "$cache"/go*/bin/go; do
    [ -x "$g" ] || continue
    version=$(GOTOOLCHAIN=local GOFLAGS='' "$g" env GOVERSION 2>/dev/null) || continue
    if at_least "${version#go}" "$want_go"; then go=$g; return; fi
    older_go=$g
  done
}

# fetch_go lets an older Go get the Go that go.mod names from the module proxy, as
# a module, checked like any other against the checksum database. (Debian 12's Go
# is from before Go could do that by itself.)
fetch_go() {
  platform=$(GOFLAGS='' "$older_go" env GOOS).$(GOFLAGS='' "$older_go" env GOARCH)
  platform=$(echo "$platform" | tr . -)
  say "fetching Go $want_go for $platform"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/fetch-XXXXXX")
  module=golang.org/toolchain@v0.0.1-go$want_go.$platform
  (cd "$work" && GOTOOLCHAIN=local GO111MODULE=on GOFLAGS=-modcacherw GOMODCACHE=$work/mod \
    "$older_go" mod download "$module") >&2 || { rm -rf "$work"; die "could not get $module"; }
  # A module has no executable files and no nested go.mod; Go's own switch of
  # toolchains puts both back in the same way.
  tree=$work/mod/$module
  chmod -R +x "$tree/bin" "$tree/pkg/tool"
  find "$tree" -name _go.mod | while read -r f; do cp "$f" "${f%/_go.mod}/go.mod"; done
  rm -rf "$cache/go$want_go"
  mv "$tree" "$cache/go$want_go"
  rm -rf "$work"
  go=$cache/go$want_go/bin/go
}

# tools: the compilers. They are looked for only when there is something to build.
tools() {
  missing=
  cc=${CC:-gcc}
  [ "$(uname)" = Darwin ] && cc=${CC:-cc}
  command -v "${cc%% *}" >/dev/null || missing="$missing gcc"
  if has_apt; then
    exists /usr/include/stdlib.h || missing="$missing libc6-dev"
    exists "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" || missing="$missing ca-certificates"
  fi
  find_go
  [ -n "$go$older_go" ] || missing="$missing golang-go"
  # shellcheck disable=SC2086 # a list of package names
  if [ -n "$missing" ]; then
    has_apt || die "needed on this system: a C compiler (gcc or clang) and Go $want_go or newer on PATH"
    install $missing
    find_go
  fi
  [ -n "$go" ] || fetch_go
  export GOTOOLCHAIN=local
}

# fresh: no file or folder of the tree changed since the program was built.
fresh() {
  [ -x "$bin" ] && [ -z "$(find "$root" \( -path "$root/.git" -o -path "$root/bin" \) -prune -o -cnewer "$bin" -print | head -n 1)" ]
}

build() {
  fresh && return
  tools
  mkdir -p "$root/bin"
  began=$(mktemp)
  (cd "$root" && "$go" build -buildvcs=false -o "$bin" ./cli) >&2
  touch -r "$began" "$bin" # an edit during the build is newer
  rm -f "$began"
}

# has_manifest FOLDER PATTERN: a Vulkan loader's manifest in one of the folders
# where it looks for drivers (icd.d) or layers (explicit_layer.d).
has_manifest() {
  # shellcheck disable=SC2086 # the pattern is one
  exists /etc/vulkan/$1/$2 /usr/share/vulkan/$1/$2 /usr/local/etc/vulkan/$1/$2 /usr/local/share/vulkan/$1/$2 \
    "${XDG_DATA_HOME:-$HOME/.local/share}"/vulkan/$1/$2
}

# vulkan [test]: loader, a driver with a device, for tests the validation layers.
# lavapipe, once installed, is a device everywhere; other drivers are asked.
vulkan() {
  [ "$(uname)" = Linux ] || return 0
  missing=
  exists /usr/lib/*/libvulkan.so.1 /usr/lib/libvulkan.so.1 /usr/lib64/libvulkan.so.1 /usr/local/lib/libvulkan.so.1 /usr/local/lib/*/libvulkan.so.1 ||
    /sbin/ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || missing="$missing libvulkan1"
  if [ "${1:-}" = test ]; then
    [ -n "${VK_LAYER_PATH:-}${VK_ADD_LAYER_PATH:-}" ] || has_manifest explicit_layer.d 'VkLayer_khronos_validation.json' ||
      missing="$missing vulkan-validationlayers"
  fi
  driver=unknown
  if [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}${VK_ADD_DRIVER_FILES:-}" ] || has_manifest icd.d 'lvp_icd*.json'; then
    driver=yes
  elif ! has_manifest icd.d '*.json'; then
    missing="$missing mesa-vulkan-drivers" driver=yes
  fi
  # shellcheck disable=SC2086 # a list of package names
  if [ -n "$missing" ]; then
    has_apt || die "needed on this system, by the names that Debian gives them:$missing"
    install $missing
  fi
  if [ "$driver" = unknown ] && ! "$bin" devices >/dev/null 2>&1; then
    has_apt || die "no Vulkan device: install a driver (Mesa's lavapipe runs on the CPU)"
    install mesa-vulkan-drivers
  fi
}

# stage NAME COMMAND...: a part of the check. The next one runs whatever this one says.
stage() {
  name=$1 from=$(date +%s) verdict=ok
  shift
  echo "=== $name"
  "$@" </dev/null 2>&1 || verdict=FAILED failed="$failed $name;"
  echo "=== $name: $verdict, $(($(date +%s) - from)) s"
}

format() {
  files=$("$("$go" env GOROOT)/bin/gofmt" -l .) || return 1
  [ -z "$files" ] || { echo "not formatted: $files"; return 1; }
}

# spirv: the pinned compiler makes of the sources what lies beside them.
spirv() {
  before=$(sums) || return 1
  "$go" generate ./shaders || return 1
  after=$(sums) || return 1
  [ "$before" = "$after" ] && return
  echo "go generate ./shaders changed files in shaders"
  return 1
}

sums() { find shaders -type f \( -name '*.spv' -o -name MANIFEST -o -name '*_gen.*' \) -exec cksum {} + | sort; }

check() {
  tools
  cd "$root"
  failed='' began=$(date +%s)
  stage "build" ./build.sh
  stage "gofmt" format
  stage "go vet" "$go" vet ./...
  stage "staticcheck" "$go" run "$staticcheck" ./...
  stage "SPIR-V is what its sources compile to" spirv
  took=$(($(date +%s) - began))
  [ -z "$failed" ] || { echo "FAILED after $took s:$failed"; return 1; }
  echo "all checked in $took s"
}

case ${1:-} in
'')
  build
  ;;
run)
  shift
  build
  vulkan
  exec "$bin" "$@"
  ;;
test)
  shift
  build
  vulkan test
  [ -n "${go:-}" ] || tools
  cd "$root"
  packages=./...
  for a in "$@"; do
    case $a in ./* | sealvk/*) packages= ;; esac
  done
  # Go's test cache can't see which device the Vulkan loader picks: always run.
  exec "$go" test -count=1 -timeout 40m "$@" $packages
  ;;
check)
  check
  ;;
go)
  shift
  tools
  cd "$root"
  exec "$go" "$@"
  ;;
-h | --help | help)
  sed -n '2,11s/^# \{0,1\}//p' "$0"
  ;;
*)
  die "unknown command $1; see ./build.sh --help"
  ;;
esac
