package dev.inmesh.interop;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;

@RestController
class HelloController {
  private final RestTemplate client;

  HelloController(RestTemplate client) {
    this.client = client;
  }

  @GetMapping("/hello")
  String hello() {
    return "hello from Spring";
  }

  /** What `service` answers to a call that goes to an instance that Eureka named. */
  @GetMapping("/call/{service}")
  String call(@PathVariable String service) {
    return client.getForObject("http://" + service + "/hello", String.class);
  }
}
