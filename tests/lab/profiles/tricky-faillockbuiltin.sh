# shellcheck shell=sh
# faillock.conf names neither deny nor fail_interval; the stack is right, and the built-in values lock.
# parent: good
# mode: lite
# verdict: linux-account-lockout-effective=pass
# because: faillock.conf(5): deny is 3 and fail_interval 900 unless told otherwise. A search for `deny` would fail it.
# proof: echo agent1:Quiet-77-lamp-Field | chpasswd; faillock --user agent1 --reset; printf 'Quiet-77-lamp-Field\n' | pamtester login agent1 authenticate || exit 1; for i in 1 2 3; do printf 'wrong\n' | pamtester login agent1 authenticate; done; printf 'Quiet-77-lamp-Field\n' | pamtester login agent1 authenticate; rc=$?; faillock --user agent1 --reset; [ $rc -ne 0 ]
echo 'unlock_time = 900' | put /etc/security/faillock.conf
