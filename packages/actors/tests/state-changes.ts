/** Operations of programs on state objects, by kind of object. Each returns its result. */
import { childrenOf, isObject, type RandomBelow } from "./state-random.ts";

/** Applies an operation to `target`; `make` creates values, the same ones when the operation is repeated. */
export function applyRandomChange(target: unknown, below: RandomBelow, make: () => unknown): unknown {
  if (Array.isArray(target)) return changeArray(target, below, make);
  if (target instanceof Map) return changeMap(target, below, make);
  if (target instanceof Set) return changeSet(target, below, make);
  if (target instanceof Date) return target.setMinutes(below(60), below(60));
  if (target instanceof Float64Array) return void target.set([below(50)], below(target.length));
  if (target instanceof BigInt64Array) return void target.fill(BigInt(below(50)));
  if (target instanceof Uint8Array) return changeBytes(target, below);
  if (target instanceof ArrayBuffer) return changeBytes(new Uint8Array(target), below);
  if (target instanceof Error) {
    target.message = `changed ${below(9)}`;
    return undefined;
  }
  if (target instanceof RegExp || !isObject(target)) return undefined;
  return changeObject(target as Record<string, unknown>, below, make);
}

function changeBytes(target: Uint8Array, below: RandomBelow): unknown {
  switch (below(4)) {
    case 0:
      target[below(target.length)] = below(256);
      return undefined;
    case 1:
      target.subarray(below(2)).fill(below(256));
      return undefined;
    case 2:
      return target.reverse().length;
    default:
      return new DataView(target.buffer).setUint8(below(target.length), below(256));
  }
}

const far: RandomBelow = (n) => n - 4;

function changeArray(target: unknown[], below: RandomBelow, make: () => unknown): unknown {
  const at = (): number => far(below(9));
  switch (below(27)) {
    case 0:
      return target.push(make(), make());
    case 1:
      return target.pop();
    case 2:
      return target.shift();
    case 3:
      return target.unshift(make(), make());
    case 4:
      return target.splice(at(), below(3), make(), make());
    case 5:
      return target.splice(at());
    case 6:
      return target.splice(at(), at());
    case 7:
      return target.sort() === target;
    case 8:
      return target.sort((a, b) => (typeof a === typeof b ? 0 : typeof a < typeof b ? -1 : 1)) === target;
    case 9:
      return target.reverse().length;
    case 10:
      return target.fill(make(), at(), at()).length;
    case 11:
      return target.copyWithin(at(), at(), at()).length;
    case 12:
      target.length = below(6);
      return target.length;
    case 13:
      target[below(target.length + 3)] = make();
      return target.length;
    case 14:
      return Reflect.deleteProperty(target, String(below(5)));
    case 15:
      [target[0], target[1]] = [target[1], target[0]];
      return target.length;
    case 16: {
      let steps = 0;
      for (const _ of target) {
        if (++steps > 3) break;
        if (below(2) === 0) target.push(make());
        else target.shift();
      }
      return steps;
    }
    case 17:
      target.forEach((item, index) => {
        if (index === 1) target.pop();
        if (item === undefined) target[index] = null;
      });
      return target.length;
    case 18:
      return Object.assign(target, { 0: make(), 2: make() }).length;
    case 19:
      return Reflect.defineProperty(target, "1", {
        value: make(),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    case 20:
      target.push(...target.slice(0, 2));
      return target.length;
    case 21:
      target.splice(0, target.length, ...target.filter((_, index) => index % 2 === 0));
      return target.length;
    case 22:
      target[0] = [...target.slice(0, 3)];
      return target.length;
    default:
      return read(target, below);
  }
}

/** Reads that views implement themselves. */
function read(target: unknown[], below: RandomBelow): unknown {
  switch (below(14)) {
    case 0:
      return target.toSorted();
    case 1:
      return target.toSpliced(1, 1, 5);
    case 2:
      return target.flat(2);
    case 3:
      return target.concat([1], target);
    case 4:
      return [...target.entries()];
    case 5:
      return [target.findLast(isObject), target.findLastIndex(isObject), target.find(isObject)];
    case 6:
      return [
        target.at(-1),
        target.at(1),
        target.includes(undefined),
        target.indexOf(null),
        target.lastIndexOf(1),
      ];
    case 7:
      return Object.entries(target);
    case 8:
      return [Object.keys(target), 1 in target, "9" in target, Object.hasOwn(target, "0")];
    case 9:
      return target.reduceRight<unknown>((all, item) => (typeof item === "number" ? item : all), 0);
    case 10:
      return target.length > 0 ? target.with(0, 7) : [];
    case 11:
      return Array.from(target, (item) => typeof item);
    case 12:
      return target.slice(-3, -1).map((item) => [item]);
    default:
      return target.flatMap((item) => (Array.isArray(item) ? [...item] : [typeof item]));
  }
}

function changeMap(target: Map<unknown, unknown>, below: RandomBelow, make: () => unknown): unknown {
  const some = (): unknown => [...target.keys()][below(target.size + 1)];
  switch (below(11)) {
    case 0:
      target.clear();
      return target.size;
    case 1:
      return target.delete(some());
    case 2:
      return [target.get(some()), target.has(some())];
    case 3: {
      for (const [key, value] of target) if (below(2) === 0 || isObject(value)) target.delete(key);
      return target.size;
    }
    case 4: {
      let steps = 0;
      for (const key of target.keys()) {
        if (++steps > 3) break;
        target.set(`k${below(6)}`, key === undefined ? 0 : make());
      }
      return steps;
    }
    case 5:
      target.forEach((value, key) => {
        if (!isObject(value)) target.set(key, [value]);
      });
      return target.size;
    case 6:
      return target.set(make(), make()).size;
    case 7:
      return target.set(some(), make()).size;
    case 8:
      return [[...target.values()], [...target]];
    default:
      return target.set(below(2) === 0 ? below(3) : `k${below(4)}`, make()).size;
  }
}

function changeSet(target: Set<unknown>, below: RandomBelow, make: () => unknown): unknown {
  const some = (): unknown => [...target][below(target.size + 1)];
  switch (below(8)) {
    case 0:
      target.clear();
      return target.size;
    case 1:
      return target.delete(some());
    case 2:
      return [target.has(some()), [...target.values()], [...target.entries()].length];
    case 3:
      for (const item of target) if (below(2) === 0) target.delete(item);
      return target.size;
    case 4: {
      let steps = 0;
      for (const _ of target) {
        if (++steps > 3) break;
        target.add(below(9));
      }
      return steps;
    }
    case 5:
      return [...target].map((item) => target.has(item));
    default:
      return target.add(make()).size;
  }
}

function changeObject(target: Record<string, unknown>, below: RandomBelow, make: () => unknown): unknown {
  const key = `k${below(4)}`;
  switch (below(12)) {
    case 0:
      return delete target[key];
    case 1:
      return Object.keys(Object.assign(target, { k1: make(), k7: make() }));
    case 2:
      return Reflect.defineProperty(target, key, {
        value: make(),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    case 3:
      return [Object.entries(target), key in target, Object.hasOwn(target, key), "toString" in target];
    case 4:
      for (const name in target) if (below(2) === 0) delete target[name];
      return Object.keys(target);
    case 5:
      target[key] = { ...target };
      return Object.keys(target);
    case 6: {
      const [first, second] = Object.keys(target);
      if (first === undefined || second === undefined) return undefined;
      [target[first], target[second]] = [target[second], target[first]];
      return [first, second];
    }
    case 7:
      target[String(below(3))] = make();
      return Object.keys(target);
    case 8: {
      const { [key]: moved, ...rest } = target;
      delete target[key];
      target["k9"] = moved;
      return rest;
    }
    case 9:
      target[key] ??= make();
      return childrenOf(target).length;
    default:
      target[key] = make();
      return target[key];
  }
}
