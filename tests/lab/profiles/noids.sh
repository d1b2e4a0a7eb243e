# shellcheck shell=sh
# Nothing watches: no AIDE database or schedule, fail2ban off, auditd off.
# parent: good
# flips: linux-intrusion-detection-healthy linux-file-integrity-monitored
rm /var/lib/aide/aide.db /var/log/aide/aide.log
systemctl -q disable dailyaidecheck.timer auditd.service fail2ban.service
