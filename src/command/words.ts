/** What the commands say, and how. */

export const usage = `Hualu 话路

用法 · usage:
  bun run hualu tenant make <id> [name]                        创建租户，显示其第一个密钥 · make a tenant, print its first key
  bun run hualu tenant list                                    租户列表 · list tenants
  bun run hualu key make --tenant T --name N [--scopes call,read]  创建密钥，默认全部权限 · make a key, by default with all scopes
  bun run hualu key list --tenant T                            密钥列表 · list keys
  bun run hualu key revoke --tenant T <id>                     吊销密钥 · revoke a key
  bun run hualu help                                           本说明 · this text

权限 · scopes: call 外呼 · read 记录 · manage 线路、坐席、密钥 · ops 运维
数据库与密钥取自环境变量（DATABASE_URL、HUALU_DATA_DIR、HUALU_SECRET_KEY），与服务相同。
Database and secret key come from the environment, as for the service.
使用内嵌数据库时请先停止服务。 · With the embedded database, stop the service first.`;

/** The command line makes no sense: the usage is shown, exit code 2. */
export class WrongUse extends Error {
  override readonly name = "WrongUse";
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
