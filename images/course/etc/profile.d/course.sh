# A terminal starts a login shell, and Debian's /etc/profile sets PATH anew: the course's Python and
# its commands go first again.
PATH="/opt/course/bin:$PATH"
export PATH
