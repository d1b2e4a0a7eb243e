# shellcheck shell=sh disable=SC2154
# Puts back services, accounts and packages, and tells the programs that read what was put back.

reload() { # whoever reads what was put back
  [ -z "$units" ] || ! systemd || systemctl daemon-reload
  units=''
  [ -n "$sshd" ] || return 0
  sshd=''
  if ! sshd -t 2>/dev/null; then
    report left service settings-invalid sshd
  elif systemd; then
    for _unit in ssh.service sshd.service; do
      ! systemctl -q is-active "$_unit" 2>/dev/null || { systemctl reload "$_unit" 2>/dev/null; break; }
    done
  elif read -r _pid 2>/dev/null </run/sshd.pid; then
    kill -HUP "$_pid"
  fi
}

restore_services() {
  while read -r _noun before_enabled before_active name; do
    [ "$_noun" = service ] || continue
    case " $kept_services " in *" $name "*) continue ;; esac
    service_state "$name"
    found=$service after=''
    [ -n "$last_pass" ] || found=$(awk -v name="$name" '$3 == name { print $1 " " $2 }' "$scratch/services")
    [ -z "$have_after" ] || [ -n "$last_pass" ] || after=$(awk -v name="$name" '$1 == "service" && $4 == name { print $2 " " $3 }' "$folder/after")
    decide "$before_enabled $before_active" "$after" "$found"
    case $verdict in
      ignore) kept_services="$kept_services $name" ;;
      left)
        kept_services="$kept_services $name"
        report left service changed-since "$name" ;;
      restore)
        enable_service
        start_service
        service_state "$name"
        if [ "$service" = "$before_enabled $before_active" ]; then
          report restored service "$name"
        elif [ "$before_enabled" != not-found ]; then
          report left service not-restored "$name"
        fi ;;
      same)
        # reads its settings anew; loading nftables' would flush what others have loaded, and sshd has been told
        case $name in ssh.service | sshd.service | nftables.service | auditd.service | *.timer | *.socket) continue ;; esac
        [ -z "$changed" ] || [ "$before_active" != active ] || restart_service ;;
    esac
  done <"$folder/manifest"
  changed=''
}

enable_service() {
  if systemd; then
    case $before_enabled in
      masked) systemctl mask "$name" ;;
      *)
        case $service in masked*) systemctl unmask "$name" ;; esac
        case $before_enabled in
          enabled) systemctl enable "$name" ;;
          disabled | not-found) systemctl disable "$name" ;;
        esac ;;
    esac
  elif has update-rc.d; then
    case $before_enabled in enabled) update-rc.d "${name%.service}" enable ;; disabled) update-rc.d "${name%.service}" disable ;; esac
  elif has chkconfig; then
    case $before_enabled in enabled) chkconfig "${name%.service}" on ;; disabled) chkconfig "${name%.service}" off ;; esac
  fi >/dev/null 2>&1
}

start_service() {
  case $before_active,$service,$name in
    active,*' active',*) return ;;
    active,*) _verb=start ;;
    # the way in is never stopped
    *,ssh.service | *,sshd.service | *,ssh.socket | *,sshd.socket) return ;;
    *,*' active',*) _verb=stop ;;
    *) return ;;
  esac
  if systemd; then systemctl "$_verb" "$name"; else service "${name%.service}" "$_verb"; fi >/dev/null 2>&1
}

restart_service() { if systemd; then systemctl try-restart "$name"; else service "${name%.service}" restart; fi >/dev/null 2>&1; }

restore_accounts() {
  accounts "$folder/touched" >"$scratch/accounts"
  while read -r _noun lock expires name; do
    [ "$_noun" = account ] || continue
    now=$(awk -v name="$name" '$4 == name { print $2 " " $3 }' "$scratch/accounts")
    [ -n "$now" ] || continue
    after=''
    [ -z "$have_after" ] || after=$(awk -v name="$name" '$1 == "account" && $4 == name { print $2 " " $3 }' "$folder/after")
    decide "$lock $expires" "$after" "$now"
    case $verdict in
      left) report left account changed-since "$name" ;;
      restore)
        case $lock,$now in
          open,'locked '*) usermod -U -- "$name" ;;
          locked,'open '*) usermod -L -- "$name" ;;
        esac >/dev/null 2>&1
        if [ "$expires" != "${now##* }" ]; then
          if [ "$expires" = never ]; then chage -E -1 -- "$name"; else chage -E "$expires" -- "$name"; fi >/dev/null 2>&1
        fi
        if accounts "$folder/touched" | grep -Fqx -- "account $lock $expires $name"; then
          report restored account "$name"
        else
          report left account not-restored "$name"
        fi ;;
    esac
  done <"$folder/manifest"
}

restore_packages() { # removes exactly those that are new
  grep -q '^packages' "$folder/touched" || return 0
  packages "$folder/touched" >"$scratch/packages"
  awk '
    FILENAME == ARGV[1] { if ($1 == "package") { state[$4] = $2; version[$4] = $3 } next }
    FILENAME == ARGV[2] { if ($1 == "package") after[$4] = $2 " " $3; next }
    { now[$4] = $2 " " $3 }
    END {
      for (name in now) if (now[name] ~ /^installed/ && state[name] != "installed" && name in after && after[name] ~ /^installed/)
        print "new", state[name] == "" ? "-" : state[name], name
      for (name in state) if (state[name] == "installed") {
        if (!(name in now) || now[name] !~ /^installed/) gone = "removed"
        else gone = now[name] != "installed " version[name] ? "upgraded" : ""
        # what happened to it after the run is not the work of the run
        if (gone != "" && after[name] != "installed " version[name]) print gone, "-", name
      }
    }' "$folder/manifest" "$scratch/after" "$scratch/packages" | sort >"$scratch/plan"
  while read -r _what _ name; do
    [ "$_what" = new ] || report left package "$_what" "$name"
  done <"$scratch/plan"
  new=$(sed -n 's/^new [^ ]* //p' "$scratch/plan")
  [ -n "$new" ] || return 0
  # a stack that was left as it is may call what is in them
  case $newline$told in *"${newline}left path "*) because=files-left ;; *) because='' ;; esac
  if [ -z "$because" ]; then remove_packages || because=needed-or-busy; fi
  for name in $new; do
    if [ -z "$because" ]; then report restored package "$name"; else report left package "$because" "$name"; fi
  done
}

remove_packages() { # dpkg and rpm remove what they are told and nothing else, or refuse
  # shellcheck disable=SC2086 # names of packages hold no blanks
  if has dpkg; then
    dpkg --no-act --remove $new >/dev/null 2>&1 && dpkg --remove $new >/dev/null 2>&1 || return 1
    # settings that an earlier installation left stay
    purge=$(sed -n 's/^new - //p' "$scratch/plan")
    [ -z "$purge" ] || dpkg --purge $purge >/dev/null 2>&1
  else
    rpm -e --test $new >/dev/null 2>&1 && rpm -e $new >/dev/null 2>&1
  fi
}
