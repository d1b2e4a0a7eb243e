# shellcheck shell=sh
# The package lists are 60 days old and past their Valid-Until: no pending update proves nothing.
# parent: good
# flips: linux-package-metadata-fresh linux-automatic-updates-work linux-security-updates-installed=unknown
rm -r /srv/debian-security
cp -r /mnt/assets/repo/stale /srv/debian-security
rm -rf /var/lib/apt/lists/*
apt-get -qq -o Acquire::Check-Valid-Until=false update
find /var/lib/apt/lists /var/lib/apt/periodic -exec touch -d '-60 days' {} +
