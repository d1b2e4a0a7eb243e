# shellcheck shell=sh disable=SC2154
# The life of a run on its host. Its folder holds what the run may change; which of the folders `armed`, `confirmed`,
# `reverting`, `reverted` and `undoing` is in it says how far it is. They become one another by rename, so that of a
# confirmation and a revert that come at the same moment exactly one wins.

no_space() { fail "there is no space left for copies in $base"; }

begin() {
  trap 'fail "it was interrupted"' HUP INT TERM
  for _tool in sha256sum awk stat find mktemp sort readlink touch sed; do
    has "$_tool" || fail "$_tool is not installed"
  done
  if ! safe /var || ! safe /var/lib; then fail "/var/lib can be written by others than root"; fi
  refuse_second
  [ ! -e "$folder" ] || fail "this run has begun before"
  final=$folder folder=$base/runs/.$run.new
  mkdir -p "$base/runs" 2>/dev/null
  if ! safe "$base" || ! safe "$base/runs"; then fail "$base is missing, or can be written by others than root"; fi
  cleanup() { clear_run; }
  rm -rf "$folder"
  mkdir "$folder" "$folder/copies" 2>/dev/null || no_space
  means=$(for _tool in getfattr getfacl lsattr nft; do ! has "$_tool" || printf '%s ' "$_tool"; done)
  printf '%s\n' "$touched" >"$folder/touched" || no_space
  printf '%s\n' "$means" >"$folder/means" || no_space
  printf 'run=%s\n%s\nrevert "$@"\n' "$run" "$program" >"$folder/revert" || no_space
  refuse_unsafe "$folder/touched"
  paths "$folder/touched" >"$folder/list" || no_space
  [ "$(wc -l <"$folder/list")" -le "$most_entries" ] || fail "more than $most_entries files are touched"
  {
    sed 's/^/touched /' "$folder/touched" && describe "$folder/list" "$folder/touched" \
      && say "revert $(sha <"$folder/revert")"
  } >"$folder/manifest" || no_space
  copy_all
  mv "$folder" "$final" || no_space
  folder=$final
  [ -z "$timer" ] || arm
  sync
  trap '' HUP INT TERM PIPE
  open_answer begin
  cat "$folder/manifest"
  close_answer "$(wc -l <"$folder/manifest" | tr -d ' ')"
}

safe() { # a folder that nobody but root can rename things in
  [ -d "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %u "$1")" = 0 ] || return 1
  case $(stat -c %A "$1") in d????-??-*) ;; *) return 1 ;; esac
}

refuse_second() {
  _other=$(readlink "$base/armed") || return 0
  fail "the run $_other waits here for its confirmation; confirm or undo it first"
}

refuse_unsafe() {
  while read -r _noun _path; do
    [ "$_noun" = file ] || continue
    _above=$_path
    while _above=${_above%/*} && [ -n "$_above" ]; do
      [ ! -L "$_above" ] || fail "$_path: $_above is a link"
    done
    if [ -d "$_path" ] && find "$_path" -xdev \( -name "$strange" -o -name '* ' \) | grep -q .; then
      fail "$_path holds a name with control characters, or with a blank at its end"
    fi
    [ -L "$_path" ] || continue
    _to=$(readlink -f "$_path")
    [ -f "$_to" ] || continue
    while _to=${_to%/*} && [ -n "$_to" ]; do
      safe "$_to" || fail "$_path is a link into $_to, which others than root can write"
    done
  done <"$1"
}

copy_all() { # copies/N is what line N of the manifest says, copied by cp, which keeps all that it can
  _line=0 _together=0
  while read -r _noun _rest; do
    _line=$((_line + 1))
    case $_noun in
      entry) copy_entry "$_line" "$_rest" ;;
      kernel)
        # shellcheck disable=SC2086 # four words without blanks
        set -- $_rest
        dump "$@" >"$folder/copies/$_line" || no_space
        [ "$(sha <"$folder/copies/$_line")" = "$4" ] || fail "the $1 rules change just now; try again"
        ;;
    esac
  done <"$folder/manifest"
}

copy_entry() { # copy_entry N 'ROLE KIND MODE UID GID DIGEST ATTRIBUTES FLAGS MTIME PATH'
  read -r _role _kind _mode _uid _gid _digest _attributes _flags _mtime _path <<END
$2
END
  case $_kind in
    dir) keep_times "$_path" "$folder/copies/$1" || no_space ;;
    other) fail "$_path is neither a file, nor a folder, nor a link" ;;
    file)
      _size=$(stat -c %s "$_path") || fail "$_path is gone just now; try again"
      _together=$((_together + _size))
      [ "$_size" -le "$most_bytes" ] || fail "$_path has more than $most_bytes bytes"
      [ "$_together" -le "$most_bytes_together" ] || fail "more than $most_bytes_together bytes are touched"
      ;;
  esac
  case $_kind in file | link)
    cp -a "$_path" "$folder/copies/$1" 2>/dev/null || fail "$_path cannot be copied: is there no space left?"
    [ "$(digest_of "$_kind" "$folder/copies/$1")" = "$_digest" ] || fail "$_path changes just now; try again"
    ;;
  esac
}

digest_of() { if [ "$1" = link ]; then readlink "$2" | sha; else sha <"$2"; fi; }

arm() { # from here on the host goes back by itself unless `confirm` comes in time
  ln -s "$run" "$base/armed" 2>/dev/null || { refuse_second; no_space; }
  cleanup() { disarm; clear_run; }
  mkdir "$folder/armed" || no_space
  if systemd; then
    arm_boot || fail "$boot cannot be written"
    systemd-run --quiet --unit="$unit-$run" --on-active="$timer" --timer-property=AccuracySec=1s \
      /bin/sh "$folder/revert" >/dev/null 2>&1 || fail "systemd-run cannot start a timer"
  elif has setsid; then
    # in a session of its own, so that the end of the connection is not its end
    # shellcheck disable=SC2016 # the inner shell's own words
    setsid /bin/sh -c 'trap "" HUP; sleep "$1"; exec /bin/sh "$2"' "$unit" "$timer" "$folder/revert" \
      </dev/null >/dev/null 2>&1 &
    echo "$!" >"$folder/timer" || no_space
  else
    fail "there is neither systemd nor setsid to wait with"
  fi
}

arm_boot() { # a start of the host in between loses the timer: then the start itself is the revert
  keep_times /etc/systemd/system "$folder/times.system" && mkdir -p "$wants" && keep_times "$wants" "$folder/times.wants" \
    && cat >"$boot" <<END && chmod 644 "$boot" && ln -s "../$unit.service" "$wants/$unit.service"
[Unit]
Description=Put back what hardencheck changed and nobody confirmed
ConditionPathExists=|$folder/armed
ConditionPathExists=|$folder/reverting
After=local-fs.target nftables.service firewalld.service netfilter-persistent.service auditd.service
[Service]
Type=oneshot
ExecStart=/bin/sh $folder/revert boot
END
}

disarm() {
  [ "$(readlink "$base/armed")" = "$run" ] || return 0
  if systemd; then
    systemctl stop "$unit-$run.timer" >/dev/null 2>&1
    rm -f "$wants/$unit.service" "$boot"
    put_times "$wants" "$folder/times.wants"
    rmdir "$wants" 2>/dev/null
    put_times /etc/systemd/system "$folder/times.system"
  elif read -r _pid 2>/dev/null <"$folder/timer" && grep -q "$unit" "/proc/$_pid/cmdline" 2>/dev/null; then
    # not when it is the timer that runs this
    [ "$_pid" = $$ ] || kill -TERM "-$_pid" 2>/dev/null
  fi
  rm -f "$base/armed"
}

settle() { # what is touched as it is now: also what has come since the run began
  [ ! -e "$folder/after" ] || return 0
  { cat "$folder/list" && paths "$folder/touched"; } | awk '{ path = $0; sub(/^[a-z]+ /, "", path) } !seen[path]++' \
    >"$folder/list.after" && describe "$folder/list.after" "$folder/touched" >"$folder/after.new" \
    && mv "$folder/after.new" "$folder/after"
}

opened() { # the folder of the run, before anything is done with it
  if ! safe "$base/runs" || [ ! -f "$folder/manifest" ]; then fail "nothing is kept here of this run"; fi
  means=$(cat "$folder/means")
}

confirm() {
  trap '' HUP PIPE
  opened
  ! mv "$folder/armed" "$folder/confirmed" 2>/dev/null || disarm
  if [ -d "$folder/reverting" ]; then
    outcome=reverting
  elif [ -d "$folder/reverted" ]; then
    outcome=reverted
  else
    outcome=confirmed
    settle || fail "there is no space left to write down what the run has changed"
  fi
  open_answer "$outcome"
  _count=0
  # while it reverts there is none yet; a host without space could not write it
  if [ -f "$folder/after" ]; then
    cat "$folder/after"
    _count=$(wc -l <"$folder/after" | tr -d ' ')
  fi
  close_answer "$_count"
}

revert() { # what the timer runs, or the next start of the host
  trap '' HUP PIPE
  opened
  # after a start, nobody else can be at it: the one that was is gone
  mv "$folder/armed" "$folder/reverting" 2>/dev/null || { [ "$*" = boot ] && [ -d "$folder/reverting" ]; } || exit 0
  automatic=yes force='' have_after=''
  restore >"$folder/result" 2>/dev/null
  settle
  mv "$folder/reverting" "$folder/reverted"
  disarm
}

undo() {
  trap '' HUP INT TERM PIPE
  opened
  [ "$(sha <"$folder/manifest")" = "$expected" ] || fail "the list of what was there before is not the one that the run began with"
  have_after=''
  if [ -n "$expected_after" ] || [ -e "$folder/after" ]; then
    have_after=yes
    [ -z "$expected_after" ] || [ "$(sha <"$folder/after")" = "$expected_after" ] \
      || fail "the list of what the run left is not the one that was confirmed"
  fi
  ! mv "$folder/armed" "$folder/undoing" 2>/dev/null || disarm
  [ ! -d "$folder/reverting" ] || fail "the host itself is putting this run back just now; ask again"
  automatic=''
  open_answer undo
  restore
  _lines=$said
  if [ -z "$left" ]; then clear_run; fi
  [ -d "$folder" ] || { say "cleared"; _lines=$((_lines + 1)); }
  close_answer "$_lines"
}

clear_run() {
  rm -rf "$folder" "$base/runs/.$run.new"
  rmdir "$base/runs" "$base" 2>/dev/null
}
