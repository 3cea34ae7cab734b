# shellcheck shell=bash
# What all scripts share: where things are, what to say, how to end. Sourced, never run. A person who
# wants the same environment in a shell of their own: `. scripts/lib.sh && rust_environment`.

GRIDWEAVE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
GRIDWEAVE_CACHE=${GRIDWEAVE_CACHE:-$HOME/.cache/gridweave}
export GRIDWEAVE_ROOT GRIDWEAVE_CACHE

# One target directory for people and CI, outside the checkout: registry crates are built once.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$GRIDWEAVE_CACHE/target}

# Exit codes of every script.
export FAILED=1 USAGE=2 ENVIRONMENT=3

# The WASM target of the runtime, and where Debian's Rust keeps its libraries.
WASM_TARGET=wasm32v1-none
DEBIAN_WASM_LIB=/usr/lib/rustlib/$WASM_TARGET/lib
DEBIAN_WASM_STAMP=$DEBIAN_WASM_LIB/gridweave-compiler

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die CODE MESSAGE…
die() {
	local code=$1
	shift
	say "$*"
	exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The lines of the script's own header, from its second line to the first that is no comment.
usage() { sed -n '2,${/^#/!q;s/^# \{0,1\}//;p}' "$0"; }

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The least Rust that builds this workspace.
minimum_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$GRIDWEAVE_ROOT/Cargo.toml"; }

# Version of the rustc on PATH, or nothing.
rust_version() { rustc --version 2>/dev/null | cut -d ' ' -f 2; }

has_core() { compgen -G "$1/libcore-*.rlib" >/dev/null; }

# Way 1: the compiler on PATH has the target. Way 2: Debian's compiler has it, built by scripts/setup and
# stamped with its version. GRIDWEAVE_WASM=rustup or =debian insists on one of them.
wasm_by_toolchain() {
	local library
	library=$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$WASM_TARGET/lib
	[ "${GRIDWEAVE_WASM:-rustup}" = rustup ] && has_core "$library" && [ ! -e "$library/${DEBIAN_WASM_STAMP##*/}" ]
}
wasm_by_debian() {
	[ "${GRIDWEAVE_WASM:-debian}" = debian ] && [ -x /usr/bin/rustc ] && has_core "$DEBIAN_WASM_LIB" &&
		[ "$(cat "$DEBIAN_WASM_STAMP" 2>/dev/null)" = "$(/usr/bin/rustc --version)" ]
}

# Puts cargo and, for Debian's compiler, its WASM linker on PATH, and tells the runtime's build which
# compiler makes WASM.
rust_environment() {
	case ":$PATH:" in
		*":$HOME/.cargo/bin:"*) ;;
		*) [ ! -x "$HOME/.cargo/bin/cargo" ] || export PATH="$HOME/.cargo/bin:$PATH" ;;
	esac
	unset WASM_BUILD_TOOLCHAIN
	if ! wasm_by_toolchain && wasm_by_debian; then
		export PATH="$GRIDWEAVE_CACHE/bin:$PATH"
		# With rustup, cargo on PATH is its proxy, and Debian's compiler has to be named.
		if have rustup; then export WASM_BUILD_TOOLCHAIN=wasm-runtime; fi
	fi
}

# Everything the other scripts need before they build. Arguments are for scripts/setup.
prepare() {
	"$GRIDWEAVE_ROOT/scripts/setup" "$@" || exit $?
	rust_environment
	cd "$GRIDWEAVE_ROOT" || exit "$ENVIRONMENT"
}

# python_environment NAME REQUIREMENTS: a Python environment in the cache with just these packages.
python_environment() {
	local venv=$GRIDWEAVE_CACHE/$1 requirements=$2
	cmp -s "$requirements" "$venv/installed" && return
	say "installing the Python packages of $1"
	rm -rf "$venv"
	{
		python3 -m venv "$venv" &&
			"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" &&
			"$venv/bin/pip" check --quiet
	} >&2 || return
	cp "$requirements" "$venv/installed"
}

# Node and gateway, always as one package set: another set resolves features differently and compiles
# hundreds of crates again.
build() { cargo build --release --workspace --locked "$@"; }

# answers gateway|node PORT: whether what listens there, on this machine, is well.
answers() {
	local ask=(curl --noproxy '*' -fsS --max-time 5 -o /dev/null)
	case "$1" in
		gateway) "${ask[@]}" "http://127.0.0.1:$2/health" ;;
		node)
			"${ask[@]}" -H 'content-type: application/json' "http://127.0.0.1:$2" \
				-d '{"jsonrpc": "2.0", "id": 1, "method": "system_health", "params": []}'
			;;
	esac
}

# end PID…: asks processes of this shell to end, and makes them after ten seconds.
end() {
	local pid tick
	for pid in "$@"; do kill -TERM "$pid" 2>/dev/null || true; done
	for pid in "$@"; do
		for ((tick = 0; tick < 100; tick++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}
