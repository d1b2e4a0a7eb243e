# shellcheck shell=sh disable=SC2154
# What the guard of a run can see of a host: paths, services, packages, accounts, packet filter and audit rules, one line
# each. The same words describe them before the run, after it, and when it is undone.
LC_ALL=C LANGUAGE='' PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
export LC_ALL LANGUAGE PATH DEBIAN_FRONTEND
unset ENV BASH_ENV CDPATH GREP_OPTIONS
unalias -a 2>/dev/null
umask 077
cd / || exit 1
base=/var/lib/hardencheck
folder=$base/runs/$run
unit=hardencheck-revert
boot=/etc/systemd/system/$unit.service
wants=/etc/systemd/system/multi-user.target.wants
#: more than any playbook touches; a host answers with a line for each
most_entries=2000
most_bytes=67108864
most_bytes_together=268435456
newline='
'
#: a name that would not fit into one line of an answer
strange='*[[:cntrl:]]*'

has() { command -v "$1" >/dev/null 2>&1; }
systemd() { [ -d /run/systemd/system ]; }
say() { printf '%s\n' "$*"; }
sha() { _sum=$(sha256sum) && printf '%s' "${_sum%% *}"; }
open_answer() { say "hardencheck-guard 1 $1 $run"; }
close_answer() { say "end $1"; }

fail() { # the whole answer, when nothing else has been said; `cleanup` is what the caller has begun
  open_answer error
  say "$*"
  close_answer error
  cleanup
  trap - EXIT
  exit 1
}
cleanup() { :; }

# What cp does not show: extended attributes hold access lists, labels and capabilities. Only by the tools that were here
# when the run began ($means): the run may have installed another.
attributes() {
  case $means in
    *getfattr*) _more=$(getfattr -h -d -m - -e hex --absolute-names -- "$1" 2>/dev/null | sed 1d) ;;
    *getfacl*) [ -L "$1" ] || _more=$(getfacl -c -p -n -s -- "$1" 2>/dev/null) ;;
  esac
  if [ -n "${_more:-}" ]; then printf '%s' "$_more" | sha; else printf '%s' -; fi
  _more=
}

# immutable and append-only, which keep even root from writing
flags() {
  case $means in *lsattr*) ;; *) printf '%s' -; return ;; esac
  [ ! -L "$1" ] || { printf '%s' -; return; }
  _flags=$(lsattr -d -- "$1" 2>/dev/null)
  _flags=$(printf '%s' "${_flags%% *}" | tr -cd ia)
  printf '%s' "${_flags:--}"
}

nothing='absent - - - - - -'
look() { # look PATH: $state is `KIND MODE UID GID DIGEST ATTRIBUTES FLAGS`, $mtime its time
  state=$nothing mtime=- _digest=-
  if [ -L "$1" ]; then
    _kind=link _digest=$(readlink "$1" | sha)
  elif [ -f "$1" ]; then
    _kind=file _digest=$(sha <"$1")
  elif [ -d "$1" ]; then
    _kind=dir
  elif [ -e "$1" ]; then
    _kind=other
  else
    return 0
  fi
  _meta=$(stat -c '%Y %a %u %g' "$1")
  mtime=${_meta%% *}
  state="$_kind ${_meta#* } $_digest $(attributes "$1") $(flags "$1")"
}

names() { find "$1" -mindepth 1 -maxdepth 1 ! -name "$unit*" 2>/dev/null | sort | sha; }
keep_times() { mkdir -p "$2" && touch -r "$1" "$2" && names "$1" >"$2.names"; }
put_times() { # only where the same names stand as before: another one's change keeps its time
  [ -d "$1" ] && [ ! -L "$1" ] && [ -r "$2.names" ] || return 0
  [ "$(names "$1")" != "$(cat "$2.names")" ] || touch -r "$2" "$1"
}

# `ROLE PATH` of all that is touched, as it is there now: what was declared, what is inside a declared folder, the file
# behind a declared link, the links by which a declared unit is enabled or masked, and the folders above, which the run
# may make, or change when it writes there
paths() {
  while read -r _noun _what; do
    case $_noun in
      file) declared "$_what" ;;
      service) links "$_what" ;;
    esac
  done <"$1" | awk '{ path = $0; sub(/^[a-z]+ /, "", path) } !seen[path]++'
}

declared() {
  say "declared $1"
  if [ -L "$1" ]; then
    _to=$(readlink -f "$1") && [ -f "$_to" ] && say "target $_to"
  elif [ -d "$1" ]; then
    find "$1" -xdev -mindepth 1 ! -name "$unit*" ! -name "$strange" ! -name '* ' -print | sed 's/^/inside /'
  fi
  parents "$1"
}

links() {
  for _link in /etc/systemd/system/"$1" /etc/systemd/system/*.wants/"$1" /etc/systemd/system/*.requires/"$1" \
    /etc/rc[0-6].d/[SK][0-9][0-9]"${1%.service}"; do
    [ -e "$_link" ] || [ -L "$_link" ] || continue
    say "unit $_link"
  done
  # links come and go in these: their times are put back
  for _link in /etc/systemd/system /etc/systemd/system/*.wants /etc/systemd/system/*.requires /etc/rc[0-6].d; do
    [ ! -d "$_link" ] || say "parent $_link"
  done
}

parents() { # up to the first that is there
  _above=$1
  while _above=${_above%/*} && [ -n "$_above" ]; do
    say "parent $_above"
    [ ! -e "$_above" ] || break
  done
}

services() {
  while read -r _noun _unit; do
    [ "$_noun" != service ] || { service_state "$_unit"; say "service $service $_unit"; }
  done <"$1"
}

service_state() { # service_state UNIT: $service is `ENABLED ACTIVE`
  _enabled='' _active=inactive
  if systemd; then
    _enabled=$(systemctl is-enabled "$1" 2>/dev/null)
    _active=$(systemctl is-active "$1" 2>/dev/null)
  elif [ "$1" != "${1%.service}" ] && [ -x "/etc/init.d/${1%.service}" ]; then
    _enabled=disabled
    for _link in /etc/rc[2345].d/S[0-9][0-9]"${1%.service}"; do [ ! -e "$_link" ] || _enabled=enabled; done
    ! service "${1%.service}" status >/dev/null 2>&1 || _active=active
  fi
  _enabled=${_enabled%%"$newline"*} _active=${_active%%"$newline"*}
  service="${_enabled:-not-found} ${_active:-unknown}"
}

packages() {
  grep -q '^packages' "$1" || return 0
  if has dpkg-query; then
    # shellcheck disable=SC2016 # dpkg's own variables
    dpkg-query -W -f='package ${db:Status-Status} ${Version} ${binary:Package}\n' \
      | grep -e '^package installed ' -e '^package config-files ' | sort
  elif has rpm; then
    rpm -qa --qf 'package installed %{VERSION}-%{RELEASE} %{NAME}.%{ARCH}\n' | sort -u
  fi
}

# never a hash: only whether there is one, and whether it is locked
accounts() {
  grep -q '^accounts' "$1" || return 0
  awk -F: '{
    lock = "open"
    if ($2 == "") lock = "empty"; else if ($2 ~ /^[!*x]+$/) lock = "none"; else if ($2 ~ /^!/) lock = "locked"
    print "account " lock " " ($8 == "" ? "never" : $8) " " $1
  }' /etc/shadow
}

kernel() { # `kernel KIND FAMILY NAME DIGEST`
  while read -r _noun _kind; do
    case $_noun-$_kind in
      kernel-nftables) tables ;;
      kernel-audit) say "audit - rules" ;;
    esac
  done <"$1" | while read -r _kind _family _name; do
    _text=$(dump "$_kind" "$_family" "$_name") || continue
    say "kernel $_kind $_family $_name $(printf '%s\n' "$_text" | sha)"
  done
}

tables() { # what iptables keeps in nftables is read and written by its own tools alone
  for _family in ip ip6; do
    _tool=$(iptables_of legacy "$_family") && has "$_tool-save" && [ -r "/proc/net/${_family}_tables_names" ] \
      && sed "s/^/legacy $_family /" "/proc/net/${_family}_tables_names"
  done
  ! has nft || nft list tables 2>/dev/null | while read -r _ _family _name; do
    case $(nft -s list table "$_family" "$_name" 2>&1) in
      *'managed by iptables-nft'* | *' xt match '* | *' xt target '*)
        if has "$(iptables_of iptables "$_family")-save"; then say "iptables $_family $_name"; else say "nft $_family $_name"; fi ;;
      *) say "nft $_family $_name" ;;
    esac
  done
}

iptables_of() { # iptables_of KIND FAMILY: the tool that reads that kind of table
  case $2 in ip) _tables=iptables ;; ip6) _tables=ip6tables ;; *) return 1 ;; esac
  if [ "$1" = legacy ] && has "$_tables-legacy-save"; then say "$_tables-legacy"; else say "$_tables"; fi
}

dump() { # dump KIND FAMILY NAME: in the words in which it is loaded again, without what counts by itself
  case $1 in
    nft) nft -s list table "$2" "$3" 2>/dev/null ;;
    iptables | legacy) "$(iptables_of "$1" "$2")-save" -t "$3" 2>/dev/null | sed '/^#/d; s/ \[[0-9:]*\]$/ [0:0]/' ;;
    audit) if has auditctl; then auditctl -l 2>/dev/null; else echo 'No rules'; fi ;;
  esac
}

describe() { # describe LIST TOUCHED: a line for everything that is touched; LIST has the paths
  while read -r _role _path; do
    look "$_path"
    say "entry $_role $state $mtime $_path"
  done <"$1"
  services "$2"
  packages "$2"
  accounts "$2"
  kernel "$2"
}
