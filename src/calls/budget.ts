/** Keeps an outage from being amplified: further attempts are a small share of all first ones. */
export interface RetryBudget {
  /** A first attempt earns a share of a further one. */
  earn(tenant: string): void;
  /** True where one more may be made. */
  has(tenant: string): boolean;
  /** One more is made. */
  spend(tenant: string): void;
}

const share = 0.1;
/** What a tenant may spend before it has earned anything: a line's failures until its health takes it out. */
const start = 20;
const savedMax = 1_000;
const tenantsMax = 10_000;

/** Each process keeps its own: what it may add to an outage is in proportion to what it places itself. */
export function createRetryBudget(): RetryBudget {
  const saved = new Map<string, number>();
  const of = (tenant: string): number => saved.get(tenant) ?? start;
  return {
    earn(tenant) {
      if (saved.size >= tenantsMax) saved.clear();
      saved.set(tenant, Math.min(savedMax, of(tenant) + share));
    },
    has: (tenant) => of(tenant) >= 1,
    spend: (tenant) => void saved.set(tenant, of(tenant) - 1),
  };
}
