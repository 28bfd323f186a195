import { writeMetric } from "../../observe/prometheus.ts";
import { EventLoopLagMonitor } from "./event-loop-lag.ts";

let monitor: EventLoopLagMonitor | undefined;

/** Metrics of this process: CPU, memory and event loop delay. Measuring begins with the first reading. */
export function processMetrics(): string {
  monitor ??= new EventLoopLagMonitor(() => performance.now());
  const { p50, p99, max } = monitor.read();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const lag = "Delay of the event loop in the last 30 to 60 seconds";
  const lines = [
    ...one("process_cpu_user_seconds_total", "counter", "CPU time of user code", user / 1e6),
    ...one("process_cpu_system_seconds_total", "counter", "CPU time of the system", system / 1e6),
    ...one("process_resident_memory_bytes", "gauge", "Resident memory", rss),
    ...one("nodejs_heap_size_used_bytes", "gauge", "Heap in use", heapUsed),
    ...one("nodejs_heap_size_total_bytes", "gauge", "Heap", heapTotal),
    ...one("nodejs_external_memory_bytes", "gauge", "Memory outside the heap", external),
    ...one("process_uptime_seconds", "gauge", "Since the start of the process", process.uptime()),
    ...one("nodejs_eventloop_lag_p50_seconds", "gauge", lag, p50),
    ...one("nodejs_eventloop_lag_p99_seconds", "gauge", lag, p99),
    ...one("nodejs_eventloop_lag_max_seconds", "gauge", lag, max),
  ];
  return `${lines.join("\n")}\n`;
}

function one(name: string, type: "counter" | "gauge", help: string, value: number): string[] {
  return writeMetric(name, type, help, [{ labels: {}, value }]);
}
