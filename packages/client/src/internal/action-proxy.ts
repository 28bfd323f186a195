type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** Looked up by the runtime itself on any object: answering with an action would send a call. */
const notActions: ReadonlySet<string> = new Set(["then", "toJSON", "$$typeof"]);

/**
 * `base` with a method for every other name: `proxy.a(1)` invokes "a", `proxy.a.b(1)` invokes "a.b".
 * The names are only known to the type `T`; this is the one place where that is asserted.
 */
export function actionProxy<T>(base: object, invoke: Invoke): T {
  const actions = new Map<string, unknown>();
  const proxy: object = new Proxy(base, {
    get(target, property) {
      if (typeof property === "symbol" || property in target) {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" && property !== "constructor" ? value.bind(target) : value;
      }
      return nested(actions, property, undefined, invoke);
    },
    // What an action is only the actor says: a name that was assigned would hide it.
    set: () => false,
    // Any name may be an action of the actor: only the actor knows.
    has: (target, property) => typeof property === "string" || property in target,
  });
  proxies.add(proxy);
  return proxy as T;
}

/** What cannot be an argument of an action, but may be what a function is bound to. */
const proxies = new WeakSet<object>();

function isProxy(value: unknown): boolean {
  return (typeof value === "object" || typeof value === "function") && value !== null && proxies.has(value);
}

/** `parent` is the action, or group, that the property was read from. */
function nested(
  cache: Map<string, unknown>,
  property: string,
  parent: string | undefined,
  invoke: Invoke,
): unknown {
  if (notActions.has(property)) return undefined;
  const path = parent === undefined ? property : `${parent}.${property}`;
  let action = cache.get(property);
  if (action === undefined) {
    const children = new Map<string, unknown>();
    const call = (...args: readonly unknown[]): unknown => {
      const [receiver, ...rest] = args;
      if (parent !== undefined && isProxy(receiver)) {
        return asFunction(property, (given) => invoke(parent, given), rest) ?? invoke(path, args);
      }
      return invoke(path, args);
    };
    const made: object = new Proxy(call, {
      get(target, child) {
        if (typeof child === "symbol") return Reflect.get(target, child, target);
        return nested(children, child, path, invoke);
      },
    });
    proxies.add(made);
    cache.set(property, made);
    action = made;
  }
  return action;
}

/** An action can be bound and called as any function: `button.onclick = actor.add.bind(actor, 1)`. */
function asFunction(
  property: string,
  call: (args: readonly unknown[]) => Promise<unknown>,
  rest: readonly unknown[],
): unknown {
  if (property === "bind") return (...more: readonly unknown[]) => call([...rest, ...more]);
  if (property === "call") return call(rest);
  if (property === "apply") return call(Array.isArray(rest[0]) ? rest[0] : []);
  return undefined;
}
