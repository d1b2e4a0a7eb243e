# shellcheck shell=sh
# PASS_MAX_DAYS is 60, with a comment behind the number.
# parent: good
# mode: lite
# verdict: linux-new-passwords-expire=fail linux-passwords-expire=pass
# because: useradd takes all that follows the name for the value; `60 # days` is no number, and no limit is written.
# proof: useradd -M newcomer && grep '^newcomer:' /etc/shadow | cut -d: -f5 | grep -qx ''; rc=$?; userdel newcomer; exit $rc
sed -i 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 60 # days/' /etc/login.defs
