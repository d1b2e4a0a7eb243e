# shellcheck shell=sh
# A file lies where AIDE's database belongs, and the daily check is on; the file is no database.
# parent: good
# mode: systemd
# verdict: linux-file-integrity-monitored=fail linux-intrusion-detection-healthy=fail
# because: aide(1) stops reading at a first line that is not @@begin_db and compares with nothing: what changes goes
# because: under in a report that names every file as new.
# proof: aide --config /etc/aide/aide.conf --limit /etc/passwd --check 2>&1 | grep -q "begin_db. NOT found"
echo 'made to please the auditor' | put /var/lib/aide/aide.db 600
