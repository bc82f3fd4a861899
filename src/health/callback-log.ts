/** How the callback log does: whether news comes, is let in, and is handled. Pure. */
const logCauses = {
  behind: {
    zh: "消息积压，处理跟不上。查看日志中的 drain 与数据库。",
    en: "News waits to be handled. See the log for drain, and the database.",
  },
  stalled: {
    zh: "本实例已停止处理消息。重启实例并查看日志。",
    en: "This instance has stopped handling news. Restart it, and see the log.",
  },
  "pushes-refused": {
    zh: "推送验证失败。核对服务商与线路中的密钥。",
    en: "Pushes fail their authentication. Compare the secrets at the provider and of the line.",
  },
  "poll-late": {
    zh: "话单读取落后。查看日志中的读取错误。",
    en: "Feeds are read late. See the log for why reading fails.",
  },
  silent: {
    zh: "有线路接受呼叫却不推送事件。检查其回调地址。",
    en: "A line accepts calls and tells nothing. Check its webhook address at the provider.",
  },
} as const;

export interface LogSigns {
  /** How long the oldest delivery has waited, and how long ago this instance last looked. */
  lagMs: number;
  idleMs: number;
  /** Pushes refused to this tenant within the last minute. */
  refusedLately: number;
  feedLagMs: number;
  silentLines: number;
}

export interface LogHealth {
  health: "up" | "degraded" | "down";
  causes: { cause: keyof typeof logCauses; zh: string; en: string }[];
}

const behindMs = 10_000;
const downMs = 60_000;
const stalledMs = 30_000;
const refusedMin = 5;
const feedLateMs = 300_000;

export function judgeLog(signs: LogSigns): LogHealth {
  const found: (keyof typeof logCauses)[] = [];
  if (signs.lagMs > behindMs) found.push("behind");
  if (signs.idleMs > stalledMs) found.push("stalled");
  if (signs.refusedLately >= refusedMin) found.push("pushes-refused");
  if (signs.feedLagMs > feedLateMs) found.push("poll-late");
  if (signs.silentLines > 0) found.push("silent");
  const down = signs.lagMs > downMs || signs.idleMs > stalledMs;
  const health = down ? "down" : found.length > 0 ? "degraded" : "up";
  return { health, causes: found.map((cause) => ({ cause, ...logCauses[cause] })) };
}
