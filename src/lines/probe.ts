import { type Channel, ChannelError } from "../../channels/contract.ts";
import type { Context } from "../context.ts";
import { errorFields } from "../log.ts";
import { checkConfig, mergeConfig, type ProviderConfig, unknownChannel } from "./config.ts";
import { getLine, type LineTools } from "./lines.ts";

export const probeDeadlineMs = 5_000;

export interface ProbeResult {
  success: boolean;
  /** Whole milliseconds. */
  latency: number;
  message: string;
}

const saidOf: Record<ChannelError["kind"], string> = {
  refused: "服务商拒绝了请求 · the provider refused",
  limited: "服务商限流 · the provider limits requests",
  unauthorized: "凭证被拒绝 · the provider does not accept the credentials",
  unreachable: "无法连接服务商 · the provider cannot be reached",
  timeout: "服务商未在限时内应答 · the provider did not answer in time",
  garbled: "服务商的应答无法识别 · the provider's answer is not understood",
  compliance: "因合规规则被拒绝 · refused by a compliance rule",
};

/** Tests a saved line. Nobody's phone rings. */
export async function probeLine(ctx: Context, tools: LineTools, tenant: string, id: number): Promise<ProbeResult> {
  await getLine(ctx, tools, tenant, id);
  const line = await tools.directory.line(tenant, id);
  if (line === null) {
    const message = "线路的渠道或配置不适用于当前版本 · this version cannot use the line's channel or config";
    return { success: false, latency: 0, message };
  }
  return probe(ctx, tools.directory.channelOf(line));
}

/** Tests a config that is not saved. */
export async function probeConfig(
  ctx: Context,
  tools: LineTools,
  wanted: { providerType: string; providerConfig: ProviderConfig },
): Promise<ProbeResult> {
  const definition = await tools.loadChannel(wanted.providerType);
  if (definition === null) throw unknownChannel("providerType");
  const config = checkConfig(definition, mergeConfig({}, wanted.providerConfig));
  const channel = tools.directory.trial(definition, config);
  try {
    return await probe(ctx, channel);
  } finally {
    channel.close().catch((error) => ctx.log.warn(errorFields(error), "channel did not close"));
  }
}

async function probe(ctx: Context, channel: Channel): Promise<ProbeResult> {
  const answered = new AbortController();
  const late = new AbortController();
  const began = ctx.clock.now().getTime();
  // The race ends also where an adapter does not heed its signal.
  const deadline = ctx.clock.sleep(probeDeadlineMs, answered.signal).then(() => {
    late.abort();
    if (!answered.signal.aborted) throw new ChannelError({ kind: "timeout", effect: "none", cause: "network" });
  });
  try {
    await Promise.race([channel.probe(late.signal), deadline]);
    return result(true, "连接正常 · connected");
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    return result(false, said(error));
  } finally {
    answered.abort();
  }

  function result(success: boolean, message: string): ProbeResult {
    return { success, latency: Math.round(ctx.clock.now().getTime() - began), message };
  }
}

/** Our own words and the provider's code, where it looks like one; never the provider's text. */
function said(error: ChannelError): string {
  const code = error.code !== null && /^[\w.:-]+$/.test(error.code) ? ` (${error.cause}, ${error.code})` : "";
  return saidOf[error.kind] + (code === "" ? ` (${error.cause})` : code);
}
