/** Which methods a path has, told from the routes themselves. */
import type { ZodType } from "zod";
import type { App } from "./route.ts";

interface Place {
  method: string;
  pattern: RegExp;
  /** What the path's parameters must look like; a path that does not fit is not this route's. */
  params: ZodType | null;
}

/** From a path to the methods that it answers, none for an unknown one. Routes are read once, when first asked. */
export function createSurface(app: App): (path: string) => string[] {
  let places: Place[] | null = null;
  return (path) => {
    places ??= placesOf(app);
    const methods = new Set(places.filter((place) => fits(place, path)).map(({ method }) => method));
    if (methods.has("GET")) methods.add("HEAD");
    return [...methods].sort();
  };
}

function placesOf(app: App): Place[] {
  const paramsOf = new Map<string, ZodType>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { method, path, request } = definition.route;
    if (request?.params !== undefined)
      paramsOf.set(`${method.toUpperCase()} ${path.replace(/\{(.+?)\}/g, ":$1")}`, request.params);
  }
  const routes = new Map(app.routes.map(({ method, path }) => [`${method} ${path}`, { method, path }]));
  return [...routes]
    .filter(([, { method }]) => method !== "ALL")
    .map(([key, { method, path }]) => ({ method, pattern: patternOf(path), params: paramsOf.get(key) ?? null }));
}

/** hono's patterns: `/a/:id`, `/a/:id{[0-9]+}`, `/a/:kind?`, `/a/*`. */
function patternOf(path: string): RegExp {
  const parts = path
    .split("/")
    .slice(1)
    .map((part) => {
      if (part === "*") return "(?:/.*)?";
      const named = /^:(\w+)(?:\{(.+)\})?(\?)?$/.exec(part);
      if (named === null) return `/${part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`;
      const [, name, form, optional] = named;
      const group = `/(?<${name}>${form ?? "[^/]+"})`;
      return optional === undefined ? group : `(?:${group})?`;
    });
  return new RegExp(`^${parts.join("")}$`);
}

function fits({ pattern, params }: Place, path: string): boolean {
  const found = pattern.exec(path);
  if (found === null) return false;
  return params === null || params.safeParse({ ...found.groups }).success;
}
