import type { Frame } from "./frame.ts";

/** Whose calls somebody listens to. */
export interface Scope {
  tenant: string;
  /** Null = all of the tenant's. */
  userId: string | null;
}

/** Who hears a frame, without asking everybody. */
export interface Audience<Member extends Scope> {
  add(member: Member): void;
  remove(member: Member): void;
  has(member: Member): boolean;
  all(): Member[];
  of(frame: Pick<Frame, "tenant" | "userId">): Member[];
}

export function createAudience<Member extends Scope>(): Audience<Member> {
  const groups = new Map<string, Set<Member>>();
  // A space stands in no tenant's id, so that no user's id can make one group's name another's.
  const nameOf = ({ tenant, userId }: Scope): string => (userId === null ? tenant : `${tenant} ${userId}`);
  return {
    add(member) {
      const name = nameOf(member);
      groups.set(name, (groups.get(name) ?? new Set()).add(member));
    },
    remove(member) {
      const name = nameOf(member);
      const group = groups.get(name);
      group?.delete(member);
      if (group?.size === 0) groups.delete(name);
    },
    has: (member) => groups.get(nameOf(member))?.has(member) ?? false,
    all: () => [...groups.values()].flatMap((group) => [...group]),
    of({ tenant, userId }) {
      const everything = groups.get(tenant) ?? [];
      const own = userId === null ? [] : (groups.get(`${tenant} ${userId}`) ?? []);
      return [...everything, ...own];
    },
  };
}

export function concerns(frame: Pick<Frame, "tenant" | "userId">, { tenant, userId }: Scope): boolean {
  return frame.tenant === tenant && (userId === null || frame.userId === userId);
}
