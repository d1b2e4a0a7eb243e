#!/bin/bash
# lab.sh - a throw-away fleet of real Debian hosts, each with its own root, network namespace and sshd.
#
#   lab.sh base                     build the cached roots (minutes, once; done by `up` when missing)
#   lab.sh up [N] [lite] [PROFILE..]  boot hosts: N of them, profiles dealt in turn; or one of each PROFILE
#   lab.sh list                     hosts with address, mode and profile; and profiles
#   lab.sh inventory                print the Ansible inventory and where it is
#   lab.sh exec CMD..               run CMD on the controller: the only place hosts can be reached from
#   lab.sh ssh HOST [CMD..]         log in to HOST as the scan account, host key checked
#   lab.sh sh HOST CMD..            run CMD as root on HOST, without SSH
#   lab.sh root HOST                where HOST's root directory is, seen from this machine
#   lab.sh net HOST down|up         pull HOST's network cable out, or plug it in
#   lab.sh sshd HOST stop|cont      freeze HOST's sshd (connections hang), or let it go on
#   lab.sh hostkey HOST new|restore change HOST's SSH host key behind the back of known_hosts, or change it back
#   lab.sh down | sweep             end this lab | end labs whose owner (HARDENCHECK_LAB_OWNER, a PID) is gone
#   lab.sh check                    say why this machine cannot run the lab, if it cannot
#
# Environment: HARDENCHECK_LAB (name, default hc: labs of different names run side by side),
# HARDENCHECK_LAB_DIR (cache and state, default /var/tmp/hardencheck-lab), HARDENCHECK_LAB_JOBS (boots at a time).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${HARDENCHECK_LAB:-hc}
DIR=${HARDENCHECK_LAB_DIR:-/var/tmp/hardencheck-lab}
JOBS=${HARDENCHECK_LAB_JOBS:-$(($(nproc) * 2))}
RUN=$DIR/run/$LAB                     # a tmpfs: all state of this lab, gone with it
CTL=$LAB-ctl                          # the controller's network namespace
CGROUP=$RUN/cgroup/hardencheck-lab/$LAB
KERNEL=$(uname -r)
STANDARD="good bad nofw openfw weakpw pamoff usb noids pending nosudo"
export RUN CGROUP KERNEL

die() { echo "lab.sh: $*" >&2; exit 1; }

cmd_check() {
  local tool
  [ "$(uname -s)" = Linux ] || die "needs Linux"
  [ "$(id -u)" = 0 ] || die "needs root: network namespaces, overlays and systemd-nspawn"
  for tool in mmdebstrap systemd-nspawn nft ssh ip unshare nsenter apt-ftparchive dpkg-deb gpg gpg-agent flock sysctl; do
    command -v "$tool" >/dev/null || die "$tool is not installed (see tests/lab/README.md)"
  done
  unshare --mount --net sh -euc '
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/l /mnt/u /mnt/w /mnt/m /mnt/c
    mount -t overlay overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m
    mount -t cgroup2 cgroup2 /mnt/c
    ip link add v0 type veth peer name v1
    ip link add br0 type bridge' 2>/dev/null \
    || die "cannot make mount and network namespaces with overlay, cgroup2, veth and bridge here (a container?)"
}

roots() { ROOTS=$DIR/roots-$("$here/build.sh" --key) && export ROOTS; }

cmd_built() { roots; [ -d "$ROOTS" ] || die "the roots are not built: run tests/lab/lab.sh base"; }

cmd_base() {
  roots
  [ ! -d "$ROOTS" ] || return 0
  mkdir -p "$DIR"
  exec 8>"$DIR/build.lock"
  flock 8                             # somebody else may be building the same
  [ ! -d "$ROOTS" ] || return 0
  rm -rf "$ROOTS.new"
  unshare --mount --propagation private --pid --fork --mount-proc "$here/build.sh" "$ROOTS.new" </dev/null
  mv "$ROOTS.new" "$ROOTS"
  exec 8>&-
}

start() { # state, keys, repositories and the controller's namespace: once per lab
  if ! mountpoint -q "$RUN"; then
    mount -t tmpfs -o mode=755,size=75% tmpfs "$RUN"
    mkdir -p "$RUN"/{assets,cgroup,hosts,layers}
    owner_of "${HARDENCHECK_LAB_OWNER:-}" >"$RUN/owner"
  fi
  mountpoint -q "$RUN/cgroup" || mount -t cgroup2 cgroup2 "$RUN/cgroup"
  mkdir -p "$CGROUP"
  [ -e "$RUN/id" ] || ssh-keygen -q -t ed25519 -N '' -C "hardencheck lab" -f "$RUN/id"
  if [ ! -e "$RUN/assets/id.pub" ]; then
    # no two signs are neighbours in ASCII: cracklib calls passwords with many such pairs systematic
    (umask 077 && echo "Lab-4$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n' | tr 0-9a-f acegikmoqsuwy147)" >"$RUN/password")
    cp "$RUN/password" "$RUN/assets/password"
    "$here/repo.sh" "$RUN/assets"
    cp "$RUN/id.pub" "$RUN/assets/id.pub"
  fi
  if [ ! -e "/run/netns/$CTL" ]; then
    ip netns add "$CTL"
    ip -n "$CTL" -batch - <<<'link add br0 type bridge
addr add 10.77.0.1/16 dev br0
addr add fd77::1/64 dev br0 nodad
link set lo up
link set br0 up'
    loghost
    # each systemd watches files, each host is a neighbour: more than the kernel's defaults allow for a fleet
    raise fs.inotify.max_user_instances 8192
    raise net.ipv4.neigh.default.gc_thresh3 8192
    raise net.ipv6.neigh.default.gc_thresh3 8192
  fi
}

loghost() { # what the hosts send their logs to: takes syslog on the controller's address, keeps nothing (nobody's child: `up` waits for its own)
  mkdir -p "$CGROUP/loghost"
  # shellcheck disable=SC2016  # expanded by the inner shell
  (setsid sh -c 'echo $$ >"$1" && exec nsenter --net="$2" python3 -c "$3"' sh "$CGROUP/loghost/cgroup.procs" \
    "/run/netns/$CTL" 'import socketserver as s
class Take(s.BaseRequestHandler):
    def handle(self):
        while self.request.recv(65536): pass
s.ThreadingTCPServer(("10.77.0.1", 6514), Take).serve_forever()' </dev/null >/dev/null 2>&1 9>&- &)
}

raise() { # raise SYSCTL MINIMUM; the machine keeps it
  [ "$(sysctl -n "$1" 2>/dev/null || echo 0)" -ge "$2" ] || sysctl -qw "$1=$2" 2>/dev/null || true
}

owner_of() { # owner_of PID: the process told apart from a later one of the same number
  [ -z "$1" ] || echo "$1 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)"
}

parent_of() { sed -n 's/^# parent: //p' "$here/profiles/$1.sh" 2>/dev/null || true; }

layer_for() { # freeze what PROFILE's hosts are laid over: itself, or the profile it is a mutant of
  local layer=$1
  case $(parent_of "$1") in base | full) ;; *) layer=$(parent_of "$1") ;; esac
  [ -d "$RUN/layers/$layer" ] || {
    rm -rf "$RUN/layers/$layer.new"
    unshare --mount --propagation private "$here/host.sh" layer "$layer" >"$RUN/layers/$layer.log" 2>&1 \
      || { cat "$RUN/layers/$layer.log" >&2; die "profile $layer failed"; }
  }
}

boot() { # boot HOST PROFILE MODE INDEX
  local host=$1 mode=$3 dir=$RUN/hosts/$1 ns=$LAB-$1 ip=10.77.$(($4 / 250 + 1)).$(($4 % 250 + 1)) ip6 pid try
  ip6=fd77::$(printf '1:%x' "$4")
  ip netns add "$ns"
  ip link add "v$4" netns "$CTL" type veth peer name eth0 netns "$ns"    # born inside: the machine's own net sees none
  ip -n "$CTL" link set "v$4" master br0 up
  ip -n "$ns" -batch - <<<"addr add $ip/16 dev eth0
addr add $ip6/64 dev eth0 nodad
link set lo up
link set eth0 up"
  mkdir -p "$CGROUP/$host"
  NETNS=$ns setsid unshare --mount --propagation private "$here/host.sh" boot "$@" </dev/null >"$dir/log" 2>&1 9>&- &
  pid=$!
  for ((try = 0; try < 300; try++)); do
    kill -0 "$pid" 2>/dev/null || break
    if banner "$ip"; then
      [ "$mode" = lite ] || in_host "$host" timeout 60 systemctl is-system-running --wait >"$dir/state" || true
      awk -v to="$ip,$ip6" '{print to, $1, $2}' "$dir/hostkey.pub" >"$dir/known_hosts"
      return 0
    fi
    sleep 0.2
  done
  echo "lab.sh: $host does not answer on port 22; its log ends:" >&2
  tail -n 20 "$dir/log" >&2
  return 1
}

banner() { # banner IP: does an SSH server speak there?
  # shellcheck disable=SC2016  # expanded by the inner shell
  nsenter --net="/run/netns/$CTL" timeout 1 bash -c \
    'exec 3<>"/dev/tcp/$1/22" && read -r -t 1 line <&3 && [[ $line == SSH-2.0* ]]' bash "$1" 2>/dev/null
}

cmd_up() {
  local mode=systemd count=0 profiles=() word i host profile index
  for word in "$@"; do
    case $word in
      lite | systemd) mode=$word ;;
      [0-9]*) count=$word ;;
      *) [ -n "$(parent_of "$word")" ] || die "no such profile: $word"; profiles+=("$word") ;;
    esac
  done
  [ ${#profiles[@]} -gt 0 ] || read -ra profiles <<<"$STANDARD"
  [ "$count" -gt 0 ] || count=${#profiles[@]}
  cmd_check
  cmd_base
  mkdir -p "$RUN"
  exec 9>"$RUN.lock"
  flock 9
  start
  index=$(find "$RUN/hosts" -mindepth 1 -maxdepth 1 | wc -l)
  for ((i = 0; i < count; i++)); do
    profile=${profiles[i % ${#profiles[@]}]}
    host=$profile
    [ "$mode" = systemd ] || host=$mode-$profile
    [ "$i" -lt "${#profiles[@]}" ] || host=$host-$((i / ${#profiles[@]} + 1))
    [ ! -d "$RUN/hosts/$host" ] || continue
    layer_for "$profile"
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n || true; done
    mkdir "$RUN/hosts/$host"
    echo "$host 10.77.$((index / 250 + 1)).$((index % 250 + 1)) $mode $profile $index" >"$RUN/hosts/$host/meta"
    boot "$host" "$profile" "$mode" "$index" &
    index=$((index + 1))
  done
  wait
  write_inventory
  for word in "$RUN"/hosts/*; do
    [ -e "$word/known_hosts" ] || die "$(basename "$word") did not come up"
  done
}

write_inventory() {
  local host ip mode profile
  cat "$RUN"/hosts/*/known_hosts >"$RUN/known_hosts" 2>/dev/null || true
  {
    echo '[linux]'
    sort -V "$RUN"/hosts/*/meta | while read -r host ip mode profile _; do
      echo "$host ansible_host=$ip lab_mode=$mode lab_profile=$profile"
    done
    printf '\n[linux:vars]\nansible_user=svc_hc\nansible_become=true\nansible_python_interpreter=/usr/bin/python3\n'
    printf 'ansible_ssh_private_key_file=%s\n' "$RUN/id"
    printf 'ansible_ssh_common_args=-o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes\n' "$RUN/known_hosts"
  } >"$RUN/inventory.new"
  mv "$RUN/inventory.new" "$RUN/inventory.ini"
}

need_host() { [ -e "$RUN/hosts/${1:-}/meta" ] || die "no such host in this lab: ${1:-(none given)}"; }
pids_of() { find "$CGROUP/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

leader_of() { # PID 1 of a host, as the machine numbers it
  local pid
  for pid in $(pids_of "$1"); do
    ! awk '/^NSpid:/ {exit !(NF == 3 && $3 == 1)}' "/proc/$pid/status" 2>/dev/null || { echo "$pid"; return; }
  done
  die "host $1 is not running"
}

in_host() { # in_host HOST CMD..: as root, in all of its namespaces
  local pid
  pid=$(leader_of "$1")
  shift
  nsenter -t "$pid" -m -u -i -n -p -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root TERM=dumb "$@"
}

cmd_net() { need_host "$1"; ip -n "$CTL" link set "v$(cut -d' ' -f5 "$RUN/hosts/$1/meta")" "$2"; }

cmd_sshd() {
  local pid
  need_host "$1"
  for pid in $(pids_of "$1"); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != sshd ] || kill "-${2^^}" "$pid"
  done
}

cmd_hostkey() {
  local dir=$RUN/hosts/$1 etc
  need_host "$1"
  etc=/proc/$(leader_of "$1")/root/etc/ssh
  case $2 in
    new) cp -pn "$etc"/ssh_host_ed25519_key{,.pub} "$dir/"
      rm "$etc"/ssh_host_ed25519_key{,.pub}
      ssh-keygen -q -t ed25519 -N '' -f "$etc/ssh_host_ed25519_key" ;;
    restore) cp -p "$dir"/ssh_host_ed25519_key{,.pub} "$etc/" ;;
    *) die "hostkey HOST new|restore" ;;
  esac
  # shellcheck disable=SC2016  # expanded on the host
  in_host "$1" sh -c 'kill -HUP "$(cat /run/sshd.pid)"'
  sleep 0.3
}

cmd_ssh() {
  local ip
  need_host "$1"
  ip=$(cut -d' ' -f2 "$RUN/hosts/$1/meta")
  shift
  exec ip netns exec "$CTL" ssh -q -i "$RUN/id" -o IdentitiesOnly=yes -o UserKnownHostsFile="$RUN/known_hosts" \
    -o StrictHostKeyChecking=yes -o BatchMode=yes "svc_hc@$ip" "$@"
}

cmd_root() { need_host "$1"; echo "/proc/$(leader_of "$1")/root"; }

cmd_down() { # kill by cgroup: exactly what this lab started, whatever it forked since
  local ns _
  [ -d "$RUN" ] || return 0
  exec 9>"$RUN.lock"
  flock -w 120 9 || die "another lab.sh is busy with this lab"
  if [ -d "$CGROUP" ]; then
    echo 1 >"$CGROUP/cgroup.kill" 2>/dev/null || pids_of . | xargs -r kill -KILL || true
    for _ in $(seq 100); do
      grep -q 'populated 0' "$CGROUP/cgroup.events" && break
      sleep 0.1
    done
    find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
    rmdir "$(dirname "$CGROUP")" 2>/dev/null || true
  fi
  for ns in "$CTL" $(find "$RUN/hosts" -mindepth 1 -maxdepth 1 -printf "$LAB-%f\n" 2>/dev/null); do
    ip netns del "$ns" 2>/dev/null || true
  done
  umount -l "$RUN/cgroup" 2>/dev/null || true
  umount -l "$RUN" 2>/dev/null || true
  rm -f "$RUN.lock"
  rmdir "$RUN"
}

cmd_sweep() {
  local dir pid started
  for dir in "$DIR"/run/*/; do
    [ -s "$dir/owner" ] || continue
    read -r pid started <"$dir/owner"
    [ "$(owner_of "$pid")" = "$pid $started" ] || HARDENCHECK_LAB=$(basename "$dir") "$here/lab.sh" down
  done
}

cmd_list() {
  [ ! -d "$RUN/hosts" ] || sort -V "$RUN"/hosts/*/meta
  grep -H '^# flips: ' "$here"/profiles/*.sh | sed 's|.*/||; s|\.sh:# flips: |: |'
}

command=${1:-help}
shift || true
case $command in
  check | built | base | up | list | root | ssh | net | sshd | hostkey | down | sweep) "cmd_$command" "$@" ;;
  inventory) echo "# $RUN/inventory.ini"; cat "$RUN/inventory.ini" ;;
  exec) exec ip netns exec "$CTL" "$@" ;;
  sh) need_host "${1:-}"; in_host "$@" ;;
  *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
esac
