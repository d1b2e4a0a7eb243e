# shellcheck shell=sh
# The security archive's list was emptied by a full disk; its release file is fresh, and APT has nothing to upgrade.
# parent: good
# mode: lite
# verdict: linux-security-updates-installed=unknown linux-package-metadata-fresh=pass
# because: apt-secure(8): the release file holds the size of each list. A list that is shorter lost the fixes that stood
# because: there, and APT does not look again before the next apt-get update: "0 upgraded" proves nothing.
# proof: apt-get -s -o Debug::NoLocking=1 dist-upgrade | grep -q '^0 upgraded' && dpkg-query -W hc-demo | grep -q '1.0-1$'
old_release
for list in /var/lib/apt/lists/*security*_Packages; do
  rm "$list"
  : >"$list"
done
