type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** Properties that the runtime reads on any object. An action here would send a call by accident. */
const reservedNames: ReadonlySet<string> = new Set(["then", "toJSON", "$$typeof"]);

/**
 * Adds a method for every other name to `base`: `proxy.a(1)` invokes "a", `proxy.a.b(1)` invokes "a.b". Only the type
 * `T` lists the names; this is the one place that asserts it.
 */
export function actionProxy<T>(base: object, invoke: Invoke): T {
  const actions = new Map<string, unknown>();
  const proxy: object = new Proxy(base, {
    get(target, property) {
      if (typeof property === "symbol" || property in target) {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" && property !== "constructor" ? value.bind(target) : value;
      }
      return createNestedAction(actions, property, undefined, invoke);
    },
    // Only the actor defines its actions: an assigned property would hide one.
    set: () => false,
    // Only the actor defines its actions, so that any name may be one.
    has: (target, property) => typeof property === "string" || property in target,
  });
  proxies.add(proxy);
  return proxy as T;
}

/** Proxies cannot be arguments of an action, but may be the `this` of `bind` and `call`. */
const proxies = new WeakSet<object>();

function isProxy(value: unknown): boolean {
  return (typeof value === "object" || typeof value === "function") && value !== null && proxies.has(value);
}

/** `parent` is the action or group that has this property. */
function createNestedAction(
  cache: Map<string, unknown>,
  property: string,
  parent: string | undefined,
  invoke: Invoke,
): unknown {
  if (reservedNames.has(property)) return undefined;
  const path = parent === undefined ? property : `${parent}.${property}`;
  let action = cache.get(property);
  if (action === undefined) {
    const children = new Map<string, unknown>();
    const call = (...args: readonly unknown[]): unknown => {
      const [receiver, ...rest] = args;
      if (parent !== undefined && isProxy(receiver)) {
        return functionMethod(property, (given) => invoke(parent, given), rest) ?? invoke(path, args);
      }
      return invoke(path, args);
    };
    const child: object = new Proxy(call, {
      get(target, child) {
        if (typeof child === "symbol") return Reflect.get(target, child, target);
        return createNestedAction(children, child, path, invoke);
      },
    });
    proxies.add(child);
    cache.set(property, child);
    action = child;
  }
  return action;
}

/** An action can be bound and called like any function: `button.onclick = actor.add.bind(actor, 1)`. */
function functionMethod(
  property: string,
  call: (args: readonly unknown[]) => Promise<unknown>,
  rest: readonly unknown[],
): unknown {
  if (property === "bind") return (...more: readonly unknown[]) => call([...rest, ...more]);
  if (property === "call") return call(rest);
  if (property === "apply") return call(Array.isArray(rest[0]) ? rest[0] : []);
  return undefined;
}
