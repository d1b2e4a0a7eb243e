# shellcheck shell=sh disable=SC2154
# Puts back what a run has changed. $automatic: the host does it by itself, nobody may be able to log in. $have_after:
# what the run left is known, so that what somebody has changed since is told apart; it is left alone unless $force.
# The answer is one line for each thing: `restored NOUN NAME` or `left NOUN REASON NAME`.

report() { # report restored|left...; a second pass over the paths says nothing twice
  case $newline$told in *"$newline$*$newline"*) return ;; esac
  told="$told$*$newline" said=$((said + 1))
  say "$*"
  # for what no copy brings back, none is kept
  case "$1 $3" in 'left removed' | 'left upgraded') ;; left*) left=yes ;; esac
}

decide() { # decide BEFORE AFTER NOW: $verdict; an empty AFTER is not known
  if [ "$3" = "$1" ]; then
    verdict=same
  elif [ -z "$2" ]; then
    verdict=restore
  elif [ "$2" = "$1" ]; then
    verdict=ignore # the run did not change it: another one did, later
  elif [ "$3" = "$2" ] || [ -n "$force" ]; then
    verdict=restore
  else
    verdict=left
  fi
}

restore() {
  said=0 left='' told='' kept='' kept_services='' kept_rules=$newline changed='' sshd='' units='' last_pass=''
  # not in the run's own folder: the disk may be full
  scratch=$(mktemp -d /run/hardencheck.XXXXXX 2>/dev/null || mktemp -d "$folder/scratch.XXXXXX") || return 1
  if [ -z "$have_after" ]; then
    { cat "$folder/list" && paths "$folder/touched"; } | awk '{ path = $0; sub(/^[a-z]+ /, "", path) } !seen[path]++' \
      >"$scratch/list"
    describe "$scratch/list" "$folder/touched" >"$scratch/after"
  else
    cp "$folder/after" "$scratch/after"
  fi
  # before the links that enable units are put back with the other paths
  while read -r _noun _ _ name; do
    [ "$_noun" = service ] || continue
    service_state "$name"
    say "$service $name"
  done <"$folder/manifest" >"$scratch/services"
  # the way in first
  restore_kernel
  make_plan
  restore_paths
  reload
  restore_services
  restore_accounts
  restore_packages
  # removing them has run their scripts, which write where they like; folders that they filled are empty now
  last_pass=yes
  restore_paths
  reload
  restore_services
  # a service of the packet filter that was started has loaded its file, whatever was loaded before
  restore_kernel
  restore_times
  rm -rf "$scratch"
}

# N, the state before, the state after, the time before, the path; deepest first, and the other way round
make_plan() {
  awk -v after_known="$have_after" '
    function path_of(line, count) { for (; count; count--) sub(/^[^ ]+ /, "", line); return line }
    $1 != "entry" { next }
    { path = path_of($0, 10); state = $3 " " $4 " " $5 " " $6 " " $7 " " $8 " " $9 }
    FILENAME == ARGV[1] { line[path] = FNR; before[path] = state; time[path] = $10; all[path]; next }
    { after[path] = state; all[path]; if (!(path in before) && $2 == "parent") line[path] = -1 }
    END {
      for (path in all) {
        b = path in before ? before[path] : "absent - - - - - -"
        a = !after_known ? "? ? ? ? ? ? ?" : path in after ? after[path] : "absent - - - - - -"
        print line[path] + 0, b, a, path in time ? time[path] : "-", path
      }
    }' "$folder/manifest" "$scratch/after" >"$scratch/all"
  # the path is the 17th word; a folder sorts before what is in it
  sort -k17 "$scratch/all" >"$scratch/up"
  sort -r -k17 "$scratch/all" >"$scratch/down"
}

each_path() { # each_path FILE FUNCTION
  while read -r number b1 b2 b3 b4 b5 b6 b7 a1 a2 a3 a4 a5 a6 a7 time path; do
    case $newline$kept in *"$newline$path$newline"*) continue ;; esac
    before="$b1 $b2 $b3 $b4 $b5 $b6 $b7" after="$a1 $a2 $a3 $a4 $a5 $a6 $a7"
    if [ "$a1" = '?' ] || [ -n "$last_pass" ]; then after=''; fi
    "$2"
  done <"$1"
}

restore_paths() {
  each_path "$scratch/down" remove_path
  each_path "$scratch/up" write_path
}

keep() { # keep REASON: leave this path as it is
  kept="$kept$path$newline"
  [ -z "${1:-}" ] || report left path "$1" "$path"
}

judge() { # whether this path is to be put back
  look "$path"
  decide "$before" "$after" "$state"
  case $verdict in
    ignore) keep ;;
    left) keep changed-since ;;
    restore)
      # what others made immutable was so before the run, or is its own work
      case ${state##* } in -) ;; *) chattr -ia "$path" 2>/dev/null ;; esac
      return 0 ;;
  esac
  return 1
}

done_path() { # says what came of it, and who has to read it anew
  look "$path"
  if [ "$state" = "$before" ]; then report restored path "$path"; else keep not-restored; fi
  case $path in
    /etc/ssh/*) sshd=yes ;;
    /etc/systemd/system* | /usr/lib/systemd/system* | /lib/systemd/system*) units=yes ;;
    /etc/rc[0-6].d/*) ;;
    *) [ "$b1" = dir ] || changed=yes ;;
  esac
}

remove_path() { # what was not there
  [ "$b1" = absent ] || return 0
  judge || return 0
  if [ -d "$path" ] && [ ! -L "$path" ]; then
    rmdir "$path" 2>/dev/null || {
      [ -n "$last_pass" ] || return 0
      # a folder around units that were not enabled then: it may well have been there
      if [ "$number" = -1 ]; then keep; else keep not-empty; fi
      return 0
    }
  else
    rm -f "$path"
  fi
  done_path
}

write_path() { # what was there, and is another thing now
  [ "$b1" != absent ] || return 0
  if ! judge; then
    # rewritten with the same content
    [ "$verdict$b1" != samefile ] || [ "$mtime" = "$time" ] || touch -r "$folder/copies/$number" "$path"
    return 0
  fi
  if [ "$b1" = dir ]; then
    if [ -L "$path" ] || [ -f "$path" ]; then rm -f "$path"; fi
    [ -d "$path" ] || mkdir "$path"
    [ -L "$path" ] || { chown "$b3:$b4" "$path" && chmod "$b2" "$path"; }
  else
    put_back
    [ "$reason" = '' ] || { keep "$reason"; return 0; }
  fi 2>/dev/null
  case $b7 in -) ;; *a* | *i*) chattr "+$b7" "$path" 2>/dev/null ;; esac
  done_path
}

put_back() { # $reason: why not
  copy=$folder/copies/$number reason=''
  [ -e "$copy" ] || [ -L "$copy" ] || { reason='copy-missing'; return; }
  [ "$(digest_of "$b1" "$copy")" = "$b5" ] || { reason='copy-changed'; return; }
  if [ -d "$path" ] && [ ! -L "$path" ]; then
    rmdir "$path" || { reason='not-empty'; return; }
  fi
  # made in a folder that nobody else can write, and renamed from inside it: whoever owns the folder around it cannot
  # have root write elsewhere
  spot=$(mktemp -d "${path%/*}/.hardencheck.XXXXXX") || { reason='not-writable'; return; }
  if (cd -P "$spot" && [ "$(stat -c '%u %A' .)" = '0 drwx------' ] && cp -a "$copy" ./it && rename ./it "../${path##*/}"); then
    :
  else
    reason='not-writable'
    rm -f "$spot/it"
  fi
  rmdir "$spot"
}

rename() { mv -fT "$1" "$2" 2>/dev/null || { rm -f "$2" && mv -f "$1" "$2"; }; }

restore_times() {
  while read -r number b1 b2 b3 b4 b5 b6 b7 _ _ _ _ _ _ _ time path; do
    [ "$b1" != dir ] || put_times "$path" "$folder/copies/$number"
  done <"$scratch/down"
}

field() { # field KEY FILE: the rest of the line in FILE that begins with KEY
  KEY="$1 " awk 'index($0, ENVIRON["KEY"]) == 1 { print substr($0, length(ENVIRON["KEY"]) + 1); exit }' "$2"
}

# The packet filter and the audit rules, as the kernel has them now.

restore_kernel() {
  : >"$scratch/rules"
  : >"$scratch/nft"
  grep -n '^kernel ' "$folder/manifest" | sed 's/:kernel / /' >"$scratch/kernel"
  kernel "$folder/touched" >"$scratch/kernel.now"
  # those that the run made: where nothing could list them before it, ours alone
  while read -r _ kind family name _; do
    case $automatic,$means,$family,$name in
      yes,*,inet,hardencheck_way_in) continue ;;
      *nft*,*,* | *,inet,hardencheck) ;;
      *) continue ;;
    esac
    grep -Fq " $kind $family $name " "$scratch/kernel" || say "0 $kind $family $name absent"
  done <"$scratch/kernel.now" >"$scratch/kernel.new"
  cat "$scratch/kernel.new" >>"$scratch/kernel"
  while read -r number kind family name before; do
    now=$(field "kernel $kind $family $name" "$scratch/kernel.now")
    case $kept_rules in *"$newline$kind $family $name$newline"*) continue ;; esac
    after=''
    [ -z "$have_after" ] || [ -n "$last_pass" ] || after=$(field "kernel $kind $family $name" "$folder/after")
    [ -z "$have_after" ] || [ -n "$last_pass" ] || after=${after:-absent}
    decide "$before" "$after" "${now:-absent}"
    case $verdict in
      ignore) keep_rules ;;
      left) keep_rules changed-since ;;
      restore) restore_rules ;;
    esac
  done <"$scratch/kernel"
  [ -s "$scratch/nft" ] || return 0
  # all tables in one transaction: no connection meets a half of them
  if nft -f "$scratch/rules" 2>/dev/null; then
    while read -r name; do report restored kernel "$name"; done <"$scratch/nft"
  else
    one_by_one
  fi
}

keep_rules() { # keep_rules REASON: as `keep`
  kept_rules="$kept_rules$kind $family $name$newline"
  [ -z "${1:-}" ] || report left kernel "$1" "$kind $family $name"
}

restore_rules() { # restore_rules: of one table, or of audit
  copy=$folder/copies/$number
  if [ "$before" != absent ] && [ "$(sha 2>/dev/null <"$copy")" != "$before" ]; then
    keep_rules copy-changed
    return
  fi
  case $kind in
    nft)
      nft_rules >>"$scratch/rules"
      say "$kind $family $name" >>"$scratch/nft"
      return ;;
    iptables | legacy)
      _tool=$(iptables_of "$kind" "$family")
      if [ "$before$kind" = absentiptables ]; then
        nft delete table "$family" "$name" 2>/dev/null
      elif [ "$before" = absent ]; then
        # the modules of these tables stay: they are emptied
        say "*$name"
        dump "$kind" "$family" "$name" | sed -n 's/^\(:[^ ]* \)[A-Z][A-Z]* .*/\1ACCEPT [0:0]/p'
        say COMMIT
      else
        cat "$copy"
      fi | "$_tool-restore" >/dev/null 2>&1 ;;
    audit)
      auditctl -D >/dev/null 2>&1 && { [ "$(cat "$copy")" = 'No rules' ] || auditctl -R "$copy" >/dev/null 2>&1; } ;;
  esac
  if [ "$(dump "$kind" "$family" "$name" | sha)" = "$before" ] || [ "$before" = absent ]; then
    report restored kernel "$kind $family $name"
  else
    keep_rules not-restored
  fi
}

nft_rules() {
  say "table $family $name"
  say "delete table $family $name"
  [ "$before" = absent ] || cat "$copy"
}

one_by_one() { # tables that the run made go in any case: they are what closes the host
  while read -r number kind family name before; do
    grep -Fqx -- "$kind $family $name" "$scratch/nft" || continue
    copy=$folder/copies/$number
    nft_rules >"$scratch/rules"
    if nft -f "$scratch/rules" 2>/dev/null; then
      report restored kernel "$kind $family $name"
    elif [ -n "$automatic" ] && before=absent && { nft_rules && way_in; } >"$scratch/rules" && nft -f "$scratch/rules" 2>/dev/null; then
      # nobody may be able to get in: neither closed nor open, but a way in for whoever puts it right
      keep_rules only-ssh
    else
      keep_rules not-restored
    fi
  done <"$scratch/kernel"
}

way_in() {
  _ports=$(sshd -T 2>/dev/null | sed -n 's/^port //p' | tr '\n' ',')
  cat <<END
table inet hardencheck_way_in {
	chain input {
		type filter hook input priority 0; policy drop;
		iif lo accept
		ct state established,related accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport { ${_ports:-22} } accept
	}
}
END
}
