# shellcheck shell=sh
# The lists were fetched a moment ago with Acquire::Check-Valid-Until off: young files, but a replayed old archive.
# parent: good
# mode: lite
# verdict: linux-package-metadata-fresh=fail linux-security-updates-installed=unknown
# verdict: linux-security-repository-trusted=pass linux-security-packages-not-held=pass
# because: the archive's Valid-Until passed 53 days ago; its signature stays valid for ever, so only the date tells
# because: the release file's change time is of today, as the host really did fetch it
# proof: find /var/lib/apt/lists -name '*security*InRelease' -cmin -1440 | grep -q . && ! apt-get -o Acquire::Check-Valid-Until=true update
rm -r /srv/debian-security
cp -r /mnt/assets/repo/stale /srv/debian-security
rm -rf /var/lib/apt/lists/*
put /etc/apt/apt.conf.d/99valid <<'END'
Acquire::Check-Valid-Until "false";
END
apt-get -qq update
