# shellcheck shell=sh
# The security archive is in debian.sources but switched off with `Enabled: no`; a comment and a .bak file name it, too.
# parent: good
# mode: lite
# verdict: linux-security-repository-trusted=fail linux-package-metadata-fresh=fail
# verdict: linux-security-updates-installed=unknown linux-security-packages-not-held=pass
# because: sources.list(5): a stanza with Enabled: no is not used, and files must end in .list or .sources
# because: grep finds bookworm-security three times, and no update is pending, because nothing can be
# proof: ! apt-get indextargets --format '$(RELEASE)' | grep -q security && grep -rq bookworm-security /etc/apt/sources.list.d
old_release
put /etc/apt/sources.list.d/debian.sources <<'END'
Types: deb
URIs: file:/srv/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/hardencheck-lab.gpg

# deb http://deb.debian.org/debian-security bookworm-security main
Types: deb
URIs: file:/srv/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/hardencheck-lab.gpg
Enabled: no
END
cp /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/debian.sources.bak
rm -rf /var/lib/apt/lists/*
apt-get -qq update
