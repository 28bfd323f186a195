type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** Looked up by the runtime itself on any object: answering with an action would send a call. */
const notActions: ReadonlySet<string> = new Set(["then", "toJSON", "$$typeof"]);

/**
 * `base` with a method for every other name: `proxy.a(1)` invokes "a", `proxy.a.b(1)` invokes "a.b".
 * The names are only known to the type `T`; this is the one place where that is asserted.
 */
export function actionProxy<T>(base: object, invoke: Invoke): T {
  const actions = new Map<string, unknown>();
  const proxy = new Proxy(base, {
    get(target, property) {
      if (typeof property === "symbol" || property in target) {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" && property !== "constructor" ? value.bind(target) : value;
      }
      return nested(actions, property, property, invoke);
    },
  });
  return proxy as T;
}

function nested(cache: Map<string, unknown>, property: string, path: string, invoke: Invoke): unknown {
  if (notActions.has(property)) return undefined;
  let action = cache.get(property);
  if (action === undefined) {
    const children = new Map<string, unknown>();
    const call = (...args: readonly unknown[]): Promise<unknown> => invoke(path, args);
    action = new Proxy(call, {
      get(target, child) {
        if (typeof child === "symbol") return Reflect.get(target, child, target);
        return nested(children, child, `${path}.${child}`, invoke);
      },
    });
    cache.set(property, action);
  }
  return action;
}
