"""Jobs that delete recordings, and shares that hand them out, line by line."""

from __future__ import annotations

import pytest

from hardencheck.probes.linux.file_shares import exporting, of
from hardencheck.probes.linux.purge_commands import Target
from hardencheck.probes.linux.purge_jobs import jobs
from hardencheck.probes.output import Output, Run

TARGET = Target(("/srv/rec", "/export/rec"), ("a.wav",), no_dots=True)


def _jobs(command: str) -> list[float | None]:
    runs = {
        "daemons": Run("cron\n", 0),
        "executable": Run("", 0),
        "crontabs": Run(f"/etc/cron.d/purge:1:15 3 * * * root {command}\n", 0),
    }
    return [job.days for job in jobs(Output(runs=runs), TARGET) if not job.idle]


@pytest.mark.parametrize(
    ("command", "days"),
    [
        ("find /srv/rec -type f -mtime +90 -delete", 90),
        ("nice -n 19 /usr/bin/find /srv/ -xdev -name '*.wav' -mtime +30 -exec rm -f {} \\;", 30),
        ("find /export/rec/ -type f -mmin +1440 -print0 | xargs -0 -r rm -f", 1),
        ("cd / && find /srv/rec/* -ctime +60 -exec /bin/rm -- {} +", 60),
        ("find /srv/rec -mtime +30 -mtime +90 -delete", 90),
        ("find /srv/rec -type f -delete", 0),
        ("tmpreaper --mtime 45d /srv/rec", 45),
        ("tmpwatch -m 48 /srv/rec", 2),
    ],
)
def test_a_job_that_deletes(command: str, days: float) -> None:
    assert _jobs(command) == [pytest.approx(days)]


@pytest.mark.parametrize(
    "command",
    [
        "find /srv/rec -type f -mtime +90",
        "find /srv/rec -type f -mtime +90 -exec ls {} +",
        "find /srv/rec -type f -mtime +90 -exec chmod 600 {} + # -delete",
        "find /srv/rec/2024 -type f -mtime +90 -delete",
        "find /srv/records -type f -mtime +90 -delete",
        "find /srv/rec -type f -name '*.tmp' -mtime +90 -delete",
        "find /srv/rec -type d -empty -delete",
        "find /srv/rec -type d -mtime +90 -exec rm -rf {} +",
        "echo find /srv/rec -mtime +90 -delete",
        "rm -rf /srv/other",
        "tmpreaper 45d /tmp",
    ],
)
def test_a_line_that_does_not_delete_there(command: str) -> None:
    assert _jobs(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "find /srv/rec -type f -mtime -90 -delete",
        "find /srv/rec -type f -mtime $DAYS -delete",
        "find /srv/rec -type f ! -name '*.keep' -mtime +90 -delete",
        "find /srv/rec -type f -size +100M -mtime +90 -delete",
        "find /srv/rec -not -newermt '90 days ago' -delete",
        "rm -rf /srv/rec/$(date -d '90 days ago' +\\%Y)",
        "find /srv/rec -mtime '+90 -delete",
    ],
)
def test_a_line_that_cannot_be_told(command: str) -> None:
    assert None in _jobs(command)


def _hands_out(file: str, text: str) -> bool:
    lines = "".join(f"{file}:{number}:{line}\n" for number, line in enumerate(text.split("\n"), 1))
    output = Output(runs={"settings": Run(lines, 0), "links": Run("", 0)})
    return bool(list(exporting(of(output)[0], ("/srv/rec",), None)))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/etc/nginx/nginx.conf", "  root /srv;"),
        ("/etc/nginx/sites-enabled/x.bak", "location /calls { alias /srv/rec/2026/; }"),
        ("/etc/nginx/conf.d/x.conf", "root /srv/$host;"),
        ("/etc/apache2/sites-enabled/x.conf", '  DocumentRoot "/srv/rec"'),
        ("/etc/httpd/conf.d/x.conf", "Alias /calls /srv/rec"),
        ("/etc/httpd/conf.d/x.conf", 'AliasMatch "^/c/(.*)" "/srv/rec/$1"'),
        ("/etc/lighttpd/lighttpd.conf", 'alias.url += ( "/c/" => "/srv/rec/" )'),
        ("/etc/samba/smb.conf", "path = /srv/rec"),
        ("/etc/samba/smb.conf", "  Path=/srv/%U"),
        ("/etc/rsyncd.conf", "path = /srv"),
        ("/etc/vsftpd.conf", "anon_root=/srv/rec"),
        ("/etc/proftpd/proftpd.conf", "<Anonymous /srv/rec>"),
        ("/etc/caddy/Caddyfile", "root * /srv/rec"),
        ("/etc/default/tftpd-hpa", 'TFTP_DIRECTORY="/srv/rec"'),
    ],
)
def test_a_setting_that_hands_the_directory_out(file: str, text: str) -> None:
    assert _hands_out(file, text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/etc/nginx/nginx.conf", "  # root /srv;"),
        ("/etc/nginx/nginx.conf", "root /srv/record;"),
        ("/etc/nginx/conf.d/x.conf.bak", "root /srv/rec;"),
        ("/etc/httpd/conf.d/x.conf", "Alias /srv/rec /var/www/other"),
        ("/etc/samba/smb.conf", ";path = /srv/rec"),
        ("/etc/samba/smb.conf", "comment = path /srv/other"),
    ],
)
def test_a_setting_that_does_not(file: str, text: str) -> None:
    assert not _hands_out(file, text)


def test_exports_in_all_their_forms() -> None:
    body = '# /srv/rec *(ro)\n"/srv/my rec" a(ro)\n/srv/o\\040k \\\n  b(ro)\n/srv c(ro)\n'
    found, _ = of(Output(files={"/etc/exports": body}, runs={"settings": Run("", 0), "links": Run("", 0)}))
    assert [(share.path, share.where) for share in found] == [
        ("/srv/my rec", "/etc/exports:2"),
        ("/srv/o k", "/etc/exports:3"),
        ("/srv", "/etc/exports:5"),
    ]


def test_a_link_in_a_web_root_counts() -> None:
    links = "lrwxrwxrwx 1 0 0 12 Nov 22 07:15 /var/www/html/calls -> ../../../srv/rec\n"
    found, _ = of(Output(runs={"settings": Run("", 0), "links": Run(links, 0)}))
    assert list(exporting(found, ("/srv/rec",), None))
