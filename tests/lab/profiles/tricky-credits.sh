# shellcheck shell=sh
# minlen is 15, and credits for every kind of character take half of it away.
# parent: good
# mode: lite
# verdict: linux-password-min-length=fail linux-password-complexity=fail linux-password-quality-enforced=pass
# because: pwquality.conf(5): a positive credit counts so many characters of its kind twice; `minlen = 15` still stands.
# proof: chage -m 0 agent1; echo agent1:Quiet-77-lamp-Field | chpasswd && printf 'Quiet-77-lamp-Field\nkT4-vZ8+\nkT4-vZ8+\n' | su agent1 -c passwd
put /etc/security/pwquality.conf <<'END'
minlen = 15
dcredit = 2
ucredit = 2
lcredit = 2
ocredit = 2
enforce_for_root
END
