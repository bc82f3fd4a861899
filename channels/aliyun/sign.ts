/** ACS3-HMAC-SHA256 by the vendor's own signer: help.aliyun.com/document_detail/2593177.html. */
import { createHash } from "node:crypto";
import OpenApiUtil from "@alicloud/openapi-util";

const algorithm = "ACS3-HMAC-SHA256";

export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
}

/** A request as it is signed. Without a body: every field travels in the query. */
export interface Unsigned {
  host: string;
  action: string;
  version: string;
  query: Record<string, string>;
  now: Date;
  nonce: string;
}

/** All headers to send but `host`, which whoever sends the request writes by itself. */
export function sign({ host, action, version, query, now, nonce }: Unsigned, by: Credentials): Record<string, string> {
  const payload = createHash("sha256").update("").digest("hex");
  const headers = {
    "x-acs-action": action,
    "x-acs-content-sha256": payload,
    "x-acs-date": `${now.toISOString().slice(0, 19)}Z`,
    "x-acs-signature-nonce": nonce,
    "x-acs-version": version,
  };
  const request = { method: "POST", pathname: "/", query, headers: { host, ...headers } };
  const { accessKeyId, accessKeySecret } = by;
  return {
    ...headers,
    authorization: OpenApiUtil.getAuthorization(asTea(request), algorithm, payload, accessKeyId, accessKeySecret),
  };
}

type TeaRequest = Parameters<typeof OpenApiUtil.getAuthorization>[0];

/** The signer reads these four fields and no other of the class that its types ask for. */
function asTea(request: Pick<TeaRequest, "method" | "pathname" | "query" | "headers">): TeaRequest {
  return request as TeaRequest;
}

/** As the signature has it, so that what is sent is what was signed. */
export function queryString(query: Record<string, string>): string {
  const escaped = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join("&");
}
