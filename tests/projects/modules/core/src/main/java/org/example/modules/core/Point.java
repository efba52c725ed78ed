package org.example.modules.core;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

public record Point(int x, int y) {
    public String json() throws JsonProcessingException {
        return new ObjectMapper().writeValueAsString(this);
    }
}
