package org.example.library;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GreetingTest {
    @Test
    void capitalizes() {
        assertEquals("Hello, World", Greeting.to("world"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Ann", "Bob"})
    void leavesCapitalsAlone(String name) {
        assertEquals("Hello, " + name, Greeting.to(name));
    }
}
