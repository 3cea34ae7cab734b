# shellcheck shell=bash
# A network on this machine: validators, a node that observes, a gateway. Sourced after lib.sh by
# scripts/network and scripts/chaos, never run.
#
# Nodes are numbered: 0 observes (an archive, whom the gateway and the fleet ask), 1 and up are validators. Each
# has a folder $WORK/node-I. Nodes are started as often as one likes, and go on where they were. With network
# namespaces each validator has one of its own, on a bridge; without, all are told apart by their ports.
# Whoever sources this calls `network_end` when it ends, whatever happened.

# Names of the validators' keys, which everybody knows.
VALIDATOR_NAMES=(Alice Bob Charlie Dave Eve Ferdie)
MOST_VALIDATORS=32

# What has been started, and where it listens; by the number of the node.
node_pid=() node_rpc=() node_p2p=() node_metrics=() node_peer=() node_environment=() ports_given=()
gateway_pid='' NAMESPACES=no NET_ID='' bridges=()

# validator_name I: of the validator's keys.
validator_name() { echo "${VALIDATOR_NAMES[$1 - 1]:-Validator$1}"; }

# node_name I: for people.
node_name() { if [ "$1" = 0 ]; then echo observer; else validator_name "$1" | tr '[:upper:]' '[:lower:]'; fi; }

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# next_port FROM: sets REPLY to a free port, the first from there on that is not given out yet.
next_port() {
	REPLY=$1
	while [[ " ${ports_given[*]} " == *" $REPLY "* ]] || ! port_is_free "$REPLY"; do REPLY=$((REPLY + 1)); done
	ports_given+=("$REPLY")
}

# namespaces_are_allowed: whether this user may make network namespaces and bridges here.
namespaces_are_allowed() {
	local probe=gwprobe$$
	have ip || return 1
	ip netns add "$probe" 2>/dev/null || return 1
	ip netns exec "$probe" ip link add "${probe}b" type bridge 2>/dev/null &&
		ip netns exec "$probe" ip link add "${probe}v" type veth peer name "${probe}w" 2>/dev/null
	local status=$?
	ip netns del "$probe"
	return "$status"
}

# in_namespace I: sets REPLY_IN to what goes before a command that is to run where the node runs.
in_namespace() {
	REPLY_IN=()
	[ "$NAMESPACES" = no ] || [ "$1" = 0 ] || REPLY_IN=(ip netns exec "$NET_ID-$1")
}

# node_address I: on which IP address it speaks to others.
node_address() {
	if [ "$NAMESPACES" = no ]; then echo 127.0.0.1; else echo "$SUBNET.$(($1 + 1))"; fi
}

# network_namespaces COUNT: a bridge, and a namespace for each validator that hangs on it. A second bridge, for
# those who are cut off: whatever hangs there has its own network.
network_namespaces() {
	local node side address
	NAMESPACES=yes
	NET_ID=gw$$
	for ((side = RANDOM % 250; ; side = (side + 1) % 250)); do
		SUBNET=10.213.$side
		[ -n "$(ip -4 route show "$SUBNET.0/24")" ] || break
	done
	bridges=("${NET_ID}a" "${NET_ID}b")
	ip link add "${bridges[0]}" type bridge && ip link add "${bridges[1]}" type bridge || return 1
	ip address add "$SUBNET.1/24" dev "${bridges[0]}"
	ip link set "${bridges[0]}" up
	ip link set "${bridges[1]}" up
	for ((node = 1; node <= $1; node++)); do
		address=$(node_address "$node")
		ip netns add "$NET_ID-$node" &&
			ip link add "${NET_ID}v$node" type veth peer name eth0 netns "$NET_ID-$node" || return 1
		ip link set "${NET_ID}v$node" master "${bridges[0]}" up
		ip netns exec "$NET_ID-$node" ip address add "$address/24" dev eth0
		ip netns exec "$NET_ID-$node" ip link set lo up
		ip netns exec "$NET_ID-$node" ip link set eth0 up
	done
}

# cut_off NODE…, rejoin NODE…: these validators can reach one another alone; all are together again.
cut_off() { local node; for node in "$@"; do ip link set "${NET_ID}v$node" master "${bridges[1]}"; done; }
rejoin() { local node; for node in "$@"; do ip link set "${NET_ID}v$node" master "${bridges[0]}"; done; }

# network_spec VALIDATORS GRACE: the specification of the chain, in $WORK/chain.json: the preset `local` with so
# many validators, and so many periods of grace. (Not by jq, which turns balances into floating point.)
network_spec() {
	local number name account grandpa keys=()
	for ((number = 1; number <= $1; number++)); do
		name=$(validator_name "$number")
		account=$("$BIN/gridweave-node" key inspect --scheme sr25519 --output-type json "//$name" | jq -r .ss58Address)
		grandpa=$("$BIN/gridweave-node" key inspect --scheme ed25519 --output-type json "//$name" | jq -r .ss58Address)
		keys+=("$account=$grandpa")
	done
	"$BIN/gridweave-node" build-spec --chain local --disable-default-bootnode >"$WORK/local.json" 2>"$WORK/spec.log" &&
		python3 - "$WORK/local.json" "$2" "${keys[@]}" >"$WORK/plain.json" <<-'PYTHON' &&
			import json, sys
			path, grace, *keys = sys.argv[1:]
			keys = [key.split("=") for key in keys]
			spec = json.load(open(path))
			genesis = spec["genesis"]["runtimeGenesis"]["patch"]
			balances = genesis["balances"]["balances"]
			known = {account for account, _ in balances}
			balances += [[account, balances[0][1]] for account, _ in keys if account not in known]
			genesis["validatorSet"]["validators"] = [account for account, _ in keys]
			genesis["session"]["keys"] = [
			    [account, account, {"aura": account, "grandpa": grandpa, "ingest": account}] for account, grandpa in keys
			]
			genesis["microgrids"]["clock"]["grace"] = int(grace)
			json.dump(spec, sys.stdout)
		PYTHON
		"$BIN/gridweave-node" build-spec --chain "$WORK/plain.json" --raw --disable-default-bootnode \
			>"$WORK/chain.json" 2>>"$WORK/spec.log"
}

# network_keys VALIDATORS: a folder and an identity for every node, and keys for every validator.
network_keys() {
	local number folder name type scheme
	for ((number = 0; number <= $1; number++)); do
		folder=$WORK/node-$number
		mkdir -p "$folder"
		node_peer[number]=$("$BIN/gridweave-node" key generate-node-key --chain local --file "$folder/node.key" 2>&1 |
			tail -n 1)
		[ "$number" != 0 ] || continue
		name=$(validator_name "$number")
		for type in aura gran ingt; do
			scheme=sr25519
			[ "$type" != gran ] || scheme=ed25519
			"$BIN/gridweave-node" key insert --chain local --keystore-path "$folder/keystore" --key-type "$type" \
				--scheme "$scheme" --suri "//$name" || return 1
		done
	done
}

# network_ports VALIDATORS OBSERVER: where each node listens; in a namespace of its own nothing is taken.
network_ports() {
	local number
	ports_given=("$2" "$GATEWAY_PORT")
	node_rpc[0]=$2
	for ((number = 0; number <= $1; number++)); do
		if [ "$NAMESPACES" = yes ] && [ "$number" != 0 ]; then
			node_p2p[number]=30333 node_rpc[number]=9944 node_metrics[number]=9615
			continue
		fi
		next_port 30333
		node_p2p[number]=$REPLY
		next_port 9615
		node_metrics[number]=$REPLY
		[ "$number" = 0 ] || { next_port 9955; node_rpc[number]=$REPLY; }
	done
}

# start_node I: starts it, or starts it again, with what node_environment[I] adds to its environment.
start_node() {
	local node=$1 other options=()
	for other in "${!node_peer[@]}"; do
		[ "$other" = "$node" ] ||
			options+=(--bootnodes "/ip4/$(node_address "$other")/tcp/${node_p2p[other]}/p2p/${node_peer[other]}")
	done
	if [ "$node" = 0 ]; then
		options+=(--state-pruning archive --blocks-pruning archive)
	else
		options+=(--validator --keystore-path "$WORK/node-$node/keystore" --meter-gateway "$GATEWAY_URL")
	fi
	in_namespace "$node"
	# (No function in between: then the id would be that of a shell.)
	# shellcheck disable=SC2086 # Words, one for each variable.
	"${REPLY_IN[@]}" setsid env ${node_environment[node]:-} "$BIN/gridweave-node" --chain "$WORK/chain.json" --name "$(node_name "$node")" \
		--base-path "$WORK/node-$node" --node-key-file "$WORK/node-$node/node.key" --no-telemetry --no-mdns \
		--listen-addr "/ip4/$(node_address "$node")/tcp/${node_p2p[node]}" --rpc-port "${node_rpc[node]}" \
		--prometheus-port "${node_metrics[node]}" "${options[@]}" >>"$WORK/node-$node.log" 2>&1 &
	node_pid[node]=$!
}

start_gateway() {
	setsid "$BIN/gridweave-gateway" serve --listen "$(node_address 0):$GATEWAY_PORT" --store "$WORK/gateway" \
		--node "ws://127.0.0.1:${node_rpc[0]}" >>"$WORK/gateway.log" 2>&1 &
	gateway_pid=$!
}

# gateway_answers: whether it is well.
gateway_answers() { curl --noproxy '*' -fsS --max-time 5 -o /dev/null "$GATEWAY_URL/health" 2>/dev/null; }

# rpc I METHOD [PARAMETERS]: the result, as JSON.
rpc() {
	in_namespace "$1"
	"${REPLY_IN[@]}" curl --noproxy '*' -fsS --max-time 5 -H 'content-type: application/json' \
		"http://127.0.0.1:${node_rpc[$1]}" \
		-d "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$2\", \"params\": ${3:-[]}}" 2>/dev/null |
		jq -e .result
}

# finalised I: number and hash of the last finalised block of a node.
finalised() {
	local hash number
	hash=$(rpc "$1" chain_getFinalizedHead | jq -r .) && number=$(rpc "$1" chain_getHeader "[\"$hash\"]" | jq -r .number) &&
		[ -n "$number" ] && echo "$((number)) $hash"
}

# network_await FUNCTION SECONDS [ARGUMENT…]: until the function succeeds. Fails when time is over, or the script was
# interrupted.
network_await() {
	local function=$1 limit=$2 start=$SECONDS
	shift 2
	until "$function" "$@"; do
		[ $((SECONDS - start)) -lt "$limit" ] && [ "${interrupted:-no}" = no ] || return 1
		sleep 0.5 || true
	done
}

# all_have_finalised NUMBER: and all the same block of that number.
all_have_finalised() {
	local node at hashes=''
	for node in "${!node_pid[@]}"; do
		at=$(finalised "$node") || return 1
		[ "${at%% *}" -ge "$1" ] || return 1
		hashes+=$(rpc "$node" chain_getBlockHash "[$1]")$'\n' || return 1
	done
	[ "$(sort -u <<<"${hashes%$'\n'}" | wc -l)" = 1 ]
}

# Asks all parts to end, and makes them; then undoes what was made of the machine's network.
network_end() {
	local node
	# What was stopped cannot end.
	for node in "${node_pid[@]}"; do kill -CONT "$node" 2>/dev/null || true; done
	# shellcheck disable=SC2086 # One that was not started is no argument.
	end $gateway_pid "${node_pid[@]}"
	[ "$NAMESPACES" = yes ] || return 0
	for ((node = 1; node <= MOST_VALIDATORS; node++)); do
		ip netns del "$NET_ID-$node" 2>/dev/null || true
		ip link del "${NET_ID}v$node" 2>/dev/null || true
	done
	for node in "${bridges[@]}"; do ip link del "$node" 2>/dev/null || true; done
}

# Sets BIN: the folder that GRIDWEAVE_BIN names, or what is built.
network_binaries() {
	local tool
	if [ -n "${GRIDWEAVE_BIN:-}" ]; then
		BIN=$(realpath "$GRIDWEAVE_BIN")
		for tool in jq curl python3 setsid; do
			have "$tool" || die "$ENVIRONMENT" "$tool is missing: run scripts/setup"
		done
	else
		prepare --no-node-js
		say "building (nothing to do if nothing has changed)"
		build --quiet >&2 || die "$FAILED" "the build failed"
		BIN=$CARGO_TARGET_DIR/release
	fi
	for tool in gridweave-node gridweave-gateway; do
		[ -x "$BIN/$tool" ] || die "$ENVIRONMENT" "$tool is missing in $BIN"
	done
}

# failed MESSAGE [LOG]: ends the script, with the end of the log. What fails because of Ctrl-C is no failure.
failed() {
	[ "${interrupted:-no}" = no ] || { export keep=no; exit 130; }
	say "$1"
	[ ! -s "$WORK/${2:-}.log" ] || tail -n 20 "$WORK/$2.log" >&2
	exit "$FAILED"
}

# network_start VALIDATORS PORT GRACE: all of it, from keys to the first finalised block; PORT is the observer's.
network_start() {
	local node ended
	GATEWAY_URL=http://$(node_address 0):$GATEWAY_PORT
	network_ports "$1" "$2"
	network_spec "$1" "$3" || failed "could not make a chain specification" spec
	network_keys "$1" 2>"$WORK/keys.log" || failed "could not make the keys" keys
	for ((node = 0; node <= $1; node++)); do start_node "$node"; done
	start_gateway
	network_await all_have_finalised 120 1 || {
		ended=$(network_first_ended)
		failed "no block was finalised by all within two minutes" "${ended:-node-1}"
	}
	network_await gateway_answers 60 || failed "the gateway does not answer" gateway
}

# network_first_ended: the first part that runs no more, as its log is called; nothing if all run.
network_first_ended() {
	local node
	for node in "${!node_pid[@]}"; do
		kill -0 "${node_pid[node]}" 2>/dev/null || { echo "node-$node"; return; }
	done
	kill -0 "$gateway_pid" 2>/dev/null || echo gateway
}

# network_tell: who is where.
network_tell() {
	local node where
	for node in "${!node_pid[@]}"; do
		where="ws://127.0.0.1:${node_rpc[node]}, metrics http://127.0.0.1:${node_metrics[node]}/metrics"
		[ "$NAMESPACES" = no ] || [ "$node" = 0 ] ||
			where="in namespace $NET_ID-$node, $where"
		say "$(node_name "$node") (pid ${node_pid[node]}): $where"
	done
	say "gateway (pid $gateway_pid): $GATEWAY_URL"
}
