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
  const passwd = [
    ...users.map(([name, , uid, gid, gecos, home, program]) =>
      line(name, 'x', uid, gid, gecos, home, name === 'root' ? shell : program),
    ),
    line(user, 'x', String(USER_ID), String(USER_ID), '', `/home/${user}`, shell),
  ];
  const group = [
    ...groups.map(([name, , gid]) => line(name, 'x', gid, '')),
    line(user, 'x', String(USER_ID), ''),
  ];
  const names = [...users.map(([name]) => name), user];
  return {
    passwd: file(passwd),
    group: file(group),
    shadow: file(names.map((name) => line(name, '*', '1', '0', '99999', '7', '', '', ''))),
    gshadow: file([...groups.map(([name]) => name), user].map((name) => line(name, '*', '', ''))),
  };
}

function rows(list: string): string[][] {
  return list
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split(':'));
}

const line = (...fields: (string | undefined)[]) => fields.map((field) => field ?? '').join(':');
const file = (lines: readonly string[]) => `${lines.join('\n')}\n`;
