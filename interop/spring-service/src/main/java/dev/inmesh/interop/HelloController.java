package dev.inmesh.interop;

import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

@RestController
class HelloController {
  private final RestClient client;

  HelloController(@LoadBalanced RestClient.Builder builder) {
    this.client = builder.build();
  }

  @GetMapping("/hello")
  String hello() {
    return "hello from Spring";
  }

  /** What `service` answers to a call that goes to an instance that Eureka named. */
  @GetMapping("/call/{service}")
  String call(@PathVariable String service) {
    return client.get().uri("http://" + service + "/hello").retrieve().body(String.class);
  }
}
