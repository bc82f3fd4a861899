export interface WelcomeFacts {
  url: string;
  embedded: boolean;
  adminKey: string;
  /** Where the key is kept; null where it was given by the environment, and is not printed. */
  adminKeyPath: string | null;
}

/** What a start prints for the person who typed the command: how to place a call, as it can be pasted. */
export function welcome({ url, embedded, adminKey, adminKeyPath }: WelcomeFacts): string {
  const key = adminKeyPath === null ? "$HUALU_ADMIN_KEY" : adminKey;
  const lines = [
    "",
    `  话路 Hualu  ${url}   文档 docs: ${url}/docs`,
    embedded
      ? "  内置数据库，仅供单机试用；生产请设置 DATABASE_URL。 Embedded database: one machine, for trying out."
      : "",
    "",
    "  发起一次回拨（演示线路，不响任何电话）· Place a callback (demo line, rings no phone):",
    "",
    `  curl -s ${url}/api/v1/calls/dial -H "Authorization: Bearer ${key}" \\`,
    `    -H "Content-Type: application/json" -d '{"customerPhone":"13900000000"}'`,
    "",
    "  查询状态 · Follow it (CALL_ID = callId):",
    "",
    `  curl -s "${url}/api/v1/calls/CALL_ID/status?wait=25&version=0" -H "Authorization: Bearer ${key}"`,
    "",
    adminKeyPath === null ? "" : `  密钥保存在 · The key is kept in ${adminKeyPath}`,
    "",
  ];
  return `${lines.filter((line, index) => line !== "" || lines[index - 1] !== "").join("\n")}\n`;
}
