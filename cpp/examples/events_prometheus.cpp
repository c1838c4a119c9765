// Events of a client as metrics, with prometheus-cpp.
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <pg_exclusive/client.hpp>
#include <string>

namespace {

//! [events_prometheus]
class lock_metrics {
 public:
  explicit lock_metrics(prometheus::Registry &registry)
      : events_(prometheus::BuildCounter()
                    .Name("lock_events_total")
                    .Help("Grants, releases, losses, and what sessions did")
                    .Register(registry)),
        seconds_(prometheus::BuildHistogram()
                     .Name("lock_seconds")
                     .Help("Time to a grant, and from a grant to its release")
                     .Register(registry)) {}

  // Give it to client_options::on_event.  Keys are no labels, because a
  // metric with a label for each key grows without end.
  void operator()(const pg_exclusive::event &what) {
    const std::string kind = to_string(what.kind);
    events_.Add({{"event", kind}}).Increment();
    if (!what.name) return;
    seconds_
        .Add({{"event", kind}, {"namespace", what.name->namespace_}}, buckets)
        .Observe(std::chrono::duration<double>(what.took).count());
  }

 private:
  // Seconds, powers of four, as the server's lock_histograms has them.
  inline static const prometheus::Histogram::BucketBoundaries buckets{
      .001, .004, .016, .064, .256, 1.024, 4.096, 16.384, 65.536, 262.144};
  prometheus::Family<prometheus::Counter> &events_;
  prometheus::Family<prometheus::Histogram> &seconds_;
};
//! [events_prometheus]

}  // namespace

int main() {
  prometheus::Registry registry;
  lock_metrics metrics{registry};
  {
    pg_exclusive::client locks{
        "", {.on_event = [&](const auto &what) { metrics(what); }}};
    (void)locks.try_run_exclusive({"default", "example-metrics"}, [] {});
  }
  const std::string text =
      prometheus::TextSerializer().Serialize(registry.Collect());
  std::cout << text;
  return text.find(R"(lock_events_total{event="granted"} 1)") !=
                     std::string::npos &&
                 text.find(
                     R"(lock_seconds_count{event="granted",namespace="default"} 1)") !=
                     std::string::npos
             ? 0
             : 1;
}
