import type { ClientDriver, DriverListener } from "@holdfast/client";
import { keepProcessAlive } from "../gateway/process/keep-process-alive.ts";

/**
 * A driver in this process whose requests and connections keep the process alive until they have ended, as sockets
 * would. Calls between actors do not use it: only actors wait for them.
 */
export function keepAliveDriver(inner: ClientDriver): ClientDriver {
  return {
    keepsOrder: inner.keepsOrder,
    ...(inner.sendsOverConnections === undefined ? {} : { sendsOverConnections: inner.sendsOverConnections }),
    prepare: (frame) => inner.prepare(frame),
    prepareArgs: (args) => inner.prepareArgs(args),
    prepareSend: (content) => inner.prepareSend(content),
    call: (call) => holding(inner.call(call)),
    send: (send) => holding(inner.send(send)),
    resolve: (target, signal) => holding(inner.resolve(target, signal)),
    create: (request) => holding(inner.create(request)),
    fetch: (request) => holding(inner.fetch(request)),
    reload: (target, signal) => holding(inner.reload(target, signal)),
    manage: (request, signal) => holding(inner.manage(request, signal)),
    webSocket: (request) => inner.webSocket(request),
    gatewayUrl: (target) => inner.gatewayUrl(target),
    dispose: () => inner.dispose(),
    connect: (target, params, listener, resume, events) => {
      const release = keepProcessAlive();
      const held: DriverListener = {
        ...listener,
        closed: (reason) => {
          release();
          listener.closed(reason);
        },
      };
      const connection = inner.connect(target, params, held, resume, events);
      return {
        send: (frame) => connection.send(frame),
        close: () => {
          release();
          return connection.close();
        },
        lose: () => {
          release();
          connection.lose();
        },
      };
    },
  };
}

function holding<T>(promise: Promise<T>): Promise<T> {
  const release = keepProcessAlive();
  promise.then(release, release);
  return promise;
}
