# shellcheck shell=sh
# Nothing watches: no AIDE database or schedule, fail2ban off, auditd off.
# parent: good
# flips: intrusion detection (LNX-IDS-001), file integrity (LNX-IDS-003)
rm /var/lib/aide/aide.db /var/log/aide/aide.log
systemctl -q disable dailyaidecheck.timer auditd.service fail2ban.service
