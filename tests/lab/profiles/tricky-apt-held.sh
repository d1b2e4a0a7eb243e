# shellcheck shell=sh
# The package with the fix is on hold: apt-get dist-upgrade installs nothing, says "kept back" and ends well.
# parent: good
# mode: lite
# verdict: linux-security-packages-not-held=fail linux-security-updates-installed=fail
# verdict: linux-package-metadata-fresh=pass linux-security-repository-trusted=pass
# because: apt-mark(8), hold: a held back package is not upgraded automatically; the hole stays open all the same
# proof: apt-get -s -o Debug::NoLocking=1 dist-upgrade | grep -q '0 upgraded.*1 not upgraded'
old_release
apt-mark -qq hold hc-demo >/dev/null
