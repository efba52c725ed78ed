package org.example.library;

import org.apache.commons.lang3.StringUtils;

public final class Greeting {
    private Greeting() {}

    public static String to(String name) {
        return "Hello, " + StringUtils.capitalize(name);
    }
}
