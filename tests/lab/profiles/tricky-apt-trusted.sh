# shellcheck shell=sh
# The security archive stands in a one-line source with [ trusted=yes ] between other options; a disabled stanza has it, too.
# parent: good
# mode: lite
# verdict: linux-security-repository-trusted=fail linux-security-updates-installed=pass linux-package-metadata-fresh=pass
# because: sources.list(5), trusted=yes: APT takes the archive as trusted even when its signature is missing or wrong
# because: the archive's release file still is signed, so looking for a missing signature is not enough
# proof: apt-get indextargets --format '$(SITE) $(TRUSTED)' 'Created-By: Packages' | grep -q 'debian-security yes'
put /etc/apt/sources.list.d/debian.sources <<'END'
Types: deb
URIs: file:/srv/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/hardencheck-lab.gpg

# kept for later
Enabled: no
Types: deb
URIs: file:/srv/debian-security
Suites: bookworm-security
Components: main
Trusted: yes
END
put /etc/apt/sources.list.d/security.list <<'END'
deb [ arch=amd64,arm64 trusted=yes ] file:/srv/debian-security bookworm-security main
END
rm -f /srv/debian-security/dists/bookworm-security/InRelease.gpg
apt-get -qq update
