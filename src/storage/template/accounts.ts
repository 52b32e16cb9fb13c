/** The account files of a template: the distribution's fixed system accounts, and one user. All locked. */

export interface Accounts {
  readonly passwd: string;
  readonly group: string;
  readonly shadow: string;
  readonly gshadow: string;
}

/** The user commands run as, and its group of the same name. */
export const USER_ID = 1000;

/** The account `passwd` and `group` must have for any program to work, where the distribution ships no list. */
const LEAST_PASSWD = [
  'root:*:0:0:root:/root:/bin/sh',
  'daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
  'bin:*:2:2:bin:/bin:/usr/sbin/nologin',
  'mail:*:8:8:mail:/var/mail:/usr/sbin/nologin',
  'nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
].join('\n');
const LEAST_GROUP = [
  'root:*:0:',
  'daemon:*:1:',
  'bin:*:2:',
  'tty:*:5:',
  'mail:*:8:',
  'nogroup:*:65534:',
].join('\n');

/**
 * `passwdList` and `groupList`: the distribution's own lists (Debian's base-passwd), which name no person; undefined
 * for none. Shells are `shell` for root and the user.
 */
export function makeAccounts(
  user: string,
  shell: string,
  passwdList: string = LEAST_PASSWD,
  groupList: string = LEAST_GROUP,
): Accounts {
  const users = rows(passwdList).filter(([, , uid]) => Number(uid) !== USER_ID);
  const groups = rows(groupList).filter(([, , gid]) => Number(gid) !== USER_ID);
  const own = userLines(user, shell);
  return {
    passwd:
      file(
        users.map(([name, , uid, gid, gecos, home, program]) =>
          line(name, 'x', uid, gid, gecos, home, name === 'root' ? shell : program),
        ),
      ) + own.passwd,
    group: file(groups.map(([name, , gid]) => line(name, 'x', gid, ''))) + own.group,
    shadow: file(users.map(([name]) => lockedLine(name))) + own.shadow,
    gshadow: file(groups.map(([name]) => line(name, '*', '', ''))) + own.gshadow,
  };
}

/** What the user alone adds to each file. */
export function userLines(user: string, shell: string): Accounts {
  const id = String(USER_ID);
  return {
    passwd: file([line(user, 'x', id, id, '', `/home/${user}`, shell)]),
    group: file([line(user, 'x', id, '')]),
    shadow: file([lockedLine(user)]),
    gshadow: file([line(user, '*', '', '')]),
  };
}

/** The day of the last change of password must not be 0, which asks for a new one. */
function lockedLine(name: string | undefined): string {
  return line(name, '*', '1', '0', '99999', '7', '', '', '');
}

function rows(list: string): string[][] {
  return list
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split(':'));
}

const line = (...fields: (string | undefined)[]) => fields.map((field) => field ?? '').join(':');
const file = (lines: readonly string[]) => `${lines.join('\n')}\n`;
