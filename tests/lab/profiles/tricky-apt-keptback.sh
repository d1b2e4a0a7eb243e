# shellcheck shell=sh
# The fix needs a package that is not installed yet, so `apt-get upgrade` keeps it back; the package is only half configured.
# parent: good
# mode: lite
# verdict: linux-security-updates-installed=fail linux-security-packages-not-held=pass
# because: apt-get(8), upgrade: packages that need new ones are kept back; only dist-upgrade reaches the fix
# because: dpkg --audit names a package that is unpacked, not configured: its new version does not run yet
# proof: apt-get -s -o Debug::NoLocking=1 upgrade | grep -q '0 upgraded.*1 not upgraded' && dpkg --audit | grep -q hc-demo
old_release
lists=$(echo /var/lib/apt/lists/*security*_Packages)
sed -i '/^Package: hc-demo$/a Depends: hc-demo-new' "$lists"
printf 'Package: hc-demo-new\nVersion: 1\nArchitecture: all\nMaintainer: lab\nFilename: pool/x.deb\nSize: 1\nSHA256: %064d\nDescription: new\n\n' 0 >>"$lists"
sed -i '/^Package: hc-demo$/,/^$/s/^Status: .*/Status: install ok half-configured/' /var/lib/dpkg/status
